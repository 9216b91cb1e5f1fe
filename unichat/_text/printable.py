"""Makes foreign text safe to print: escapes control characters and limits the length."""

from __future__ import annotations

import unicodedata

# Cc: control characters, Cs: lone surrogates. Cf holds the bidirectional marks that reorder what a reader sees,
# but also the joiners that emoji and Indic scripts need, so those two are kept.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_HARMLESS = frozenset("\u200c\u200d")


def escape_controls(text: str, *, keep: str = "") -> str:
    """Return `text` with every control, bidirectional and surrogate character written as an escape.

    `keep` has characters to leave alone, such as line ends for an answer shown on a terminal.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in keep or character in _HARMLESS or unicodedata.category(character) not in _ESCAPED
        else ascii(character)[1:-1]
        for character in text
    )


def shorten(value: object, limit: int = 300) -> str:
    """Return one printable line for `value`, at most `limit` characters long (an ellipsis marks a cut)."""
    text = value if isinstance(value, str) else repr(value)
    # Cut first: a vendor may send megabytes, and escaping only ever lengthens.
    start = text[: limit * 4]
    line = escape_controls(" ".join(start.split()))
    if len(line) <= limit and len(start) == len(text):
        return line
    return line[: limit - 1] + "…"


def format_value(value: object, limit: int = 80) -> str:
    """Return `value` as error messages show it: text in quotes with each blank in it, anything else as its repr."""
    if isinstance(value, str):
        return f"'{_with_blanks(value, limit)}'"
    try:
        return shorten(repr(value), limit)
    except Exception:
        # The value is the caller's: a broken __repr__ must not hide the error that we are about to report.
        return f"<{type(value).__name__}>"


def _with_blanks(text: str, limit: int) -> str:
    # A blank around a name is often what is wrong with it. Those that look like a space are escaped.
    start = text[: limit + 1]
    shown = escape_controls("".join(each if each == " " or not each.isspace() else ascii(each)[1:-1] for each in start))
    return shown if len(shown) <= limit and len(start) == len(text) else shown[: limit - 1] + "…"


# Letters, marks and symbols that nobody sees, besides blanks and format characters.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(map(chr, range(0xFE00, 0xFE10)))


def is_blank(text: str) -> bool:
    """Return whether nothing of `text` can be seen: it is empty, or only blanks, format characters and the like."""
    # Nearly every text shows with its first character that it is not.
    return all(each.isspace() or each in _INVISIBLE or unicodedata.category(each) == "Cf" for each in text)


def has_lone_surrogate(text: str) -> bool:
    """Return whether `text` has half a surrogate pair, which cannot be encoded."""
    # Encoding finds it faster than looking at each character.
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
