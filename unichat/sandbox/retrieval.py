"""Finds the passages that answer a question, with SQLite's FTS5 and BM25; knows follow-ups, and when nothing fits."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from attrs import define, frozen

from unichat.sandbox.errors import SandboxError
from unichat.sandbox.passages import Passage
from unichat.sandbox.stopwords import STOPWORDS, VAGUE

# A word's characters, as FTS5's tokenizer unicode61 cuts them: letters and digits, no underscore.
_WORD = re.compile(r"[^\W_]+")
_MAX_TERMS = 40
_MAX_CANDIDATES = 30
_MAX_EARLIER_QUESTIONS = 3
_TITLE_WEIGHT, _BODY_WEIGHT = 3.0, 1.0
_RANK = f"bm25(passages, {_TITLE_WEIGHT}, {_BODY_WEIGHT})"
# Share of a question's weight in rare words that has to be met for an answer to be given, in all quoted passages
# together and in the best one alone. Long questions tell a story: above this number of words, a smaller share will do.
_COVERED, _COVERED_BY_BEST, _LONG = 0.5, 0.34, 6


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


def subject_words(text: str) -> list[str]:
    """Return the distinct words for the subject of `text`, in lower case and in order."""
    return [word for word in _words(text) if word not in STOPWORDS and word not in VAGUE]


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
                "CREATE VIRTUAL TABLE passages "
                "USING fts5(title, body, document UNINDEXED, tokenize = 'porter unicode61')"
            )
        except sqlite3.OperationalError as error:
            self._database.close()
            raise SandboxError(
                f"the sandbox searches with SQLite's FTS5, which this Python's SQLite {sqlite3.sqlite_version} lacks "
                f"({error}); use a Python whose SQLite has it, such as python.org's or your distribution's"
            ) from error
        self._database.executemany(
            "INSERT INTO passages (rowid, title, body, document) VALUES (?, ?, ?, ?)",
            [(number, each.title, each.text, each.document) for number, each in enumerate(self._passages)],
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
        weights = dict.fromkeys(subject_words(question), 1.0)
        alone = self._rank(weights, documents, limit)
        if alone.certain or not earlier:
            return alone
        for age, asked in enumerate(reversed(earlier[-_MAX_EARLIER_QUESTIONS:]), start=1):
            for word in subject_words(asked):
                weights.setdefault(word, 0.5**age)
        return self._rank(weights, documents, limit)

    def search(self, query: str, documents: Collection[str] | None = None, limit: int = 10) -> list[Passage]:
        """Return the passages with any word of `query`, best first, however poorly they fit."""
        words = [word for word in _words(query) if word not in STOPWORDS] or _words(query)
        return [hit.passage for hit in self._rank(dict.fromkeys(words, 1.0), documents, limit).hits]

    def _rank(self, weights: Mapping[str, float], documents: Collection[str] | None, limit: int) -> SearchResult:
        terms = dict(list(weights.items())[:_MAX_TERMS])
        candidates = self._candidates(terms, documents, max(limit, _MAX_CANDIDATES))
        matches = {row: _Match() for row in candidates}
        coverings: list[tuple[float, frozenset[int]]] = []
        for term, weight in terms.items():
            scores, frequency = self._scores(term, candidates)
            # A word that no passage has weighs most: the question is about something that the docs do not cover.
            rarity = weight * math.log((len(self._passages) + 1) / (frequency + 0.5) + 1)
            coverings.append((rarity, frozenset(scores)))
            for row, score in scores.items():
                matches[row].score += weight * score
                matches[row].covered += rarity
        best = sorted(matches, key=lambda row: (-matches[row].score, row))[:limit]
        needed = sum(rarity for rarity, _ in coverings) * min(1.0, _LONG / max(len(terms), 1))
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


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.lower()[:64] for word in _WORD.findall(text)))


def _quote_term(term: str) -> str:
    # Quoted, so that no word is an operator of FTS5's query language; _WORD matches no quotes.
    return f'"{term}"'
