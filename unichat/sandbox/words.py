"""Cuts text into the words that are searched, in any language.

Words of most languages stand between spaces. Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese ones do not, or
carry endings that do; no list of words is at hand, so that each two neighbouring characters (three where an alphabet is
small) count as a word. They overlap, and therefore count for less than one.

Letters are compared without case, accents and width, however they are encoded: `é` is `e`, and so is `e` followed by
the accent (NFC and NFD); `Ａ` is `a`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from unichat.sandbox.stopwords import QUESTION_PHRASES, STOPWORDS, VAGUE

_LENGTH_LIMIT = 64
"""Characters of a word that are looked at."""
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a1-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"
_SOUTH_EAST = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
_RUN = re.compile(
    rf"(?P<pairs>[{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}]+)|(?P<triples>[{_SOUTH_EAST}]+)"
    rf"|[^\s{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_SOUTH_EAST}]+"
)
_ONLY_HIRAGANA = re.compile(f"[{_HIRAGANA}]+")
_ACCENTS = range(0x300, 0x370)
_LETTERS = {"đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
"""Letters that Unicode does not take apart."""


class _Separators(dict[int, str]):
    """What each character becomes: a space, unless it is part of words; found out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in "LMN" else " "
        return self[code]


_SEPARATORS = _Separators()
_PLAIN = str.maketrans({**dict.fromkeys(map(chr, _ACCENTS), None), **_LETTERS})


def split_words(text: str) -> Iterator[str]:
    """Yield the words of a text, in order, as they are indexed."""
    for run in _RUN.finditer(_remove_accents(_normalize(text))):
        yield from _split_run(run, singles=True)


def question_words(text: str, *, vague: bool = True) -> dict[str, float]:
    """Return the distinct words for the subject of a question, in order, each with what it counts: 1 for a whole word.

    Args:
        text: the question.
        vague: whether words of asking, such as "explain", are left out, too.
    """
    runs = (run[0] for run in _RUN.finditer(_PHRASES.sub(" ", _normalize(text))))
    # Compared with their accents: `cặn` is not `can`.
    subject = " ".join(run for run in runs if run not in STOPWORDS and not (vague and run in VAGUE))
    words = {
        word: word_size(word)
        for run in _RUN.finditer(_remove_accents(subject))
        for word in _split_run(run, singles=False)
    }
    # In Japanese, hiragana is the grammar between the words, unless there is nothing else.
    others = {word: size for word, size in words.items() if not _ONLY_HIRAGANA.fullmatch(word)}
    return others or words


def word_size(word: str) -> float:
    """Return how much of a word this is: less than 1 for overlapping parts of text without spaces."""
    run = _RUN.fullmatch(word)
    return 1.0 if run is None or run.lastgroup is None else 0.5 if run.lastgroup == "pairs" else 0.25


def _normalize(text: str) -> str:
    """Return the text in lower case, in one encoding, with a space for whatever is between words."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text).casefold()).translate(_SEPARATORS)


def _remove_accents(text: str) -> str:
    # Taken apart, and put together again for the scripts whose marks are part of the letter.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).translate(_PLAIN))


# The longest first, since some begin others.
_PHRASES = re.compile("|".join(sorted(map(_normalize, QUESTION_PHRASES), key=len, reverse=True)))


def _split_run(run: re.Match[str], *, singles: bool) -> Iterator[str]:
    text = run[0]
    if run.lastgroup is None:
        yield text[:_LENGTH_LIMIT]
        return
    length = 2 if run.lastgroup == "pairs" else 3
    if len(text) < length or (singles and length == 2):
        yield from text if length == 2 else (text,)
    for start in range(len(text) - length + 1):
        yield text[start : start + length]
