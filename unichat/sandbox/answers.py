"""Writes an answer that quotes passages and names their sources, and splits it into pieces for a stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from attrs import frozen

from unichat.sandbox.documents import Document
from unichat.sandbox.passages import Passage, split_into_passages
from unichat.sandbox.retrieval import Index

_QUOTE_LENGTH = 700
_WORDS_IN_A_PIECE = 4
# A second passage is quoted, and a third named, only with a score of at least this share of the best.
_COMPARABLE_SCORE = 0.5
UNKNOWN = (
    "I do not know: the documentation that I answer from says nothing that fits this question. "
    "Try to ask with the words that the documentation may use."
)


@frozen
class Answer:
    """An answer's Markdown, the passages that it quotes (best first), and whether no passage was good enough."""

    text: str
    passages: tuple[Passage, ...]
    uncertain: bool


class Library:
    """The documents that a simulator answers from, with their index."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = tuple(documents)
        self.index = Index(passage for document in documents for passage in split_into_passages(document))

    def answer(
        self,
        question: str,
        earlier: Sequence[str] = (),
        *,
        source_url: Callable[[Passage], str],
        documents: Collection[str] | None = None,
    ) -> Answer:
        """Answer `question`, asked after the `earlier` ones of its thread, from `documents` (default: all)."""
        result = self.index.find(question, earlier, documents)
        if not result.certain:
            return Answer(UNKNOWN, (), uncertain=True)
        best = result.hits[0].score
        used = tuple(hit.passage for hit in result.hits if hit.score >= _COMPARABLE_SCORE * best)
        parts = [_quote_passage("The documentation says", used[0], source_url)]
        if len(used) > 1:
            parts.append(_quote_passage("It also says", used[1], source_url))
        parts += [f"See also {_link(passage, source_url)}." for passage in used[2:]]
        return Answer("\n\n".join(parts), used, uncertain=False)

    def close(self) -> None:
        """Close the index. It can be closed twice."""
        self.index.close()


def split_for_stream(text: str) -> list[str]:
    """Split `text` into pieces of a few words; joined, they are `text` again."""
    return re.findall(rf"(?:\s*\S+){{1,{_WORDS_IN_A_PIECE}}}\s*|\s+", text)


def _quote_passage(lead: str, passage: Passage, source_url: Callable[[Passage], str]) -> str:
    quoted = "\n".join(f"> {line}".rstrip() for line in _shorten(passage.text).split("\n"))
    return f"{lead}, under {_link(passage, source_url)}:\n\n{quoted}"


def _link(passage: Passage, source_url: Callable[[Passage], str]) -> str:
    title = re.sub(r"([\\\[\]*_`<>])", r"\\\1", passage.title)
    return f"[{title}]({source_url(passage)})"


def _shorten(text: str) -> str:
    """Return the first blocks of `text`, up to the length of a quote; a code fence is never cut."""
    kept = ""
    for block in _split_into_blocks(text):
        if kept and len(kept) + len(block) > _QUOTE_LENGTH:
            return f"{kept}\n\n…"
        kept = f"{kept}\n\n{block}" if kept else block
    return kept


def _split_into_blocks(text: str) -> list[str]:
    """Split at blank lines outside of code fences."""
    blocks: list[list[str]] = [[]]
    fence = ""
    for line in text.split("\n"):
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
        if line.strip() or fence:
            blocks[-1].append(line)
        else:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]
