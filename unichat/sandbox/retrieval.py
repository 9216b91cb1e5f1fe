"""Finds the passages that answer a question, with SQLite's FTS5 and BM25; knows follow-ups, and when nothing fits."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from attrs import define, frozen

from unichat.sandbox.errors import SandboxError
from unichat.sandbox.passages import Passage
from unichat.sandbox.words import question_words, split_words, word_size

# The text has been cut into words already; FTS5's part is to take English endings off them, and to count.
_TOKENIZER = "porter unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
_MAX_TERMS = 40
_MAX_CANDIDATES = 30
_MAX_EARLIER_QUESTIONS = 3
_TITLE_WEIGHT, _BODY_WEIGHT = 3.0, 1.0
_RANK = f"bm25(passages, {_TITLE_WEIGHT}, {_BODY_WEIGHT})"
# Share of a question's weight in rare words that has to be met for an answer to be given, in all quoted passages
# together and in the best one alone. Long questions tell a story: above this number of words, a smaller share will do.
_COVERED, _COVERED_BY_BEST, _LONG = 0.5, 0.34, 6
# What counts of a part of a text without spaces that no passage has.
_BOUNDARY = 0.3


@frozen
class Hit:
    """A passage and its score: higher is better; scores of different searches cannot be compared."""

    passage: Passage
    score: float


@frozen
class SearchResult:
    """The hits of a search, best first, and whether they fit well enough to answer from."""

    hits: tuple[Hit, ...]
    certain: bool


@define
class _Match:
    score: float = 0.0
    covered: float = 0.0


class Index:
    """An in-memory index of passages. It can be used from any thread; close it after use.

    Raises:
        SandboxError: This Python's SQLite was built without FTS5.
    """

    def __init__(self, passages: Iterable[Passage]) -> None:
        self._passages = tuple(passages)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._database.execute(
                f'CREATE VIRTUAL TABLE passages USING fts5(title, body, document UNINDEXED, tokenize = "{_TOKENIZER}")'
            )
        except sqlite3.OperationalError as error:
            self._database.close()
            raise SandboxError(
                f"the sandbox searches with SQLite's FTS5, which this Python's SQLite {sqlite3.sqlite_version} lacks "
                f"({error}); use a Python whose SQLite has it, such as python.org's or your distribution's"
            ) from error
        self._database.executemany(
            "INSERT INTO passages (rowid, title, body, document) VALUES (?, ?, ?, ?)",
            [
                (number, " ".join(split_words(each.title)), " ".join(split_words(each.text)), each.document)
                for number, each in enumerate(self._passages)
            ],
        )

    def close(self) -> None:
        """Free the memory. It can be closed twice."""
        self._database.close()

    def find(
        self, question: str, earlier: Sequence[str] = (), documents: Collection[str] | None = None, limit: int = 3
    ) -> SearchResult:
        """Find what answers `question`; if that alone finds nothing, what answers it after the `earlier` ones.

        `earlier` are the thread's questions, oldest first: each counts half as much as the one after it. `documents`
        restricts the search to some documents by name.
        """
        weights = question_words(question)
        alone = self._rank(weights, documents, limit)
        if alone.certain or not earlier:
            return alone
        for age, asked in enumerate(reversed(earlier[-_MAX_EARLIER_QUESTIONS:]), start=1):
            for word, size in question_words(asked).items():
                weights.setdefault(word, size * 0.5**age)
        return self._rank(weights, documents, limit)

    def search(self, query: str, documents: Collection[str] | None = None, limit: int = 10) -> list[Passage]:
        """Return the passages with any word of `query`, best first, however poorly they fit."""
        weights = question_words(query, vague=False) or dict.fromkeys(split_words(query), 1.0)
        return [hit.passage for hit in self._rank(weights, documents, limit).hits]

    def _rank(self, weights: Mapping[str, float], documents: Collection[str] | None, limit: int) -> SearchResult:
        terms = dict(list(weights.items())[:_MAX_TERMS])
        candidates = self._candidates(terms, documents, max(limit, _MAX_CANDIDATES))
        matches = {row: _Match() for row in candidates}
        coverings: list[tuple[float, frozenset[int]]] = []
        for term, weight in terms.items():
            scores, frequency = self._scores(term, candidates)
            # A word that no passage has weighs most: the question is about something that the docs do not cover.
            rarity = weight * math.log((len(self._passages) + 1) / (frequency + 0.5) + 1)
            if not frequency and word_size(term) < 1:
                # Or it is not a word, but the end of one and the beginning of the next.
                rarity *= _BOUNDARY
            coverings.append((rarity, frozenset(scores)))
            for row, score in scores.items():
                matches[row].score += weight * score
                matches[row].covered += rarity
        best = sorted(matches, key=lambda row: (-matches[row].score, row))[:limit]
        needed = sum(rarity for rarity, _ in coverings) * min(1.0, _LONG / max(sum(map(word_size, terms)), 1.0))
        covered = sum(rarity for rarity, rows in coverings if rows.intersection(best[:3]))
        certain = (
            bool(best)
            and covered >= _COVERED * needed
            and max(matches[row].covered for row in best[:3]) >= _COVERED_BY_BEST * needed
        )
        return SearchResult(tuple(Hit(self._passages[row], matches[row].score) for row in best), certain)

    def _candidates(self, terms: Iterable[str], documents: Collection[str] | None, limit: int) -> list[int]:
        query = " OR ".join(map(_quote_term, terms))
        if not query:
            return []
        return [
            row
            for (row,) in self._rows(
                "SELECT rowid FROM passages WHERE passages MATCH :query "  # noqa: S608 - _RANK holds two constants
                "AND (:documents IS NULL OR document IN (SELECT value FROM json_each(:documents))) "
                f"ORDER BY {_RANK}, rowid LIMIT :limit",
                {
                    "query": query,
                    "documents": None if documents is None else json.dumps(list(documents)),
                    "limit": limit,
                },
            )
        ]

    def _scores(self, term: str, candidates: list[int]) -> tuple[dict[int, float], int]:
        """Return one term's score in each candidate that has it, and how many passages have it at all."""
        rows = self._rows(
            f"SELECT rowid, -{_RANK} FROM passages WHERE passages MATCH ? "  # noqa: S608 - as above
            "AND rowid IN (SELECT value FROM json_each(?))",
            (_quote_term(term), json.dumps(candidates)),
        )
        (frequency,) = self._rows("SELECT count(*) FROM passages WHERE passages MATCH ?", (_quote_term(term),))[0]
        return dict(rows), frequency

    def _rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object]) -> list[Any]:
        with self._lock:
            return self._database.execute(sql, parameters).fetchall()


def _quote_term(term: str) -> str:
    # Quoted, so that no word is an operator of FTS5's query language; no word has a quote in it.
    return f'"{term}"'
