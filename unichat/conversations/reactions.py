"""Reactions of chat platforms as ratings: 👍 and 👎 in their skin tones, and the names that platforms give them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unichat._text.printable import format_value
from unichat.client.values import check_text
from unichat.errors import ConfigError
from unichat.models import Rating

_VERDICTS = {
    "👍": Rating.UP, "+1": Rating.UP, "thumbsup": Rating.UP, "up": Rating.UP,
    "👎": Rating.DOWN, "-1": Rating.DOWN, "thumbsdown": Rating.DOWN, "down": Rating.DOWN,
}  # fmt: skip

# A skin tone, as a character or as Slack writes it, and the selector that asks for a coloured picture.
_TONE = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]|::skin-tone-[2-6]")


class Reactions:
    """Which reactions are verdicts.

    Args:
        more: the bot's own, such as `{"white_check_mark": "up"}`; they win over the usual ones.

    Raises:
        ConfigError: one of the bot's own is not text, or does not mean up or down.
    """

    def __init__(self, more: Mapping[str, str | Rating] | None = None) -> None:
        self._verdicts = dict(_VERDICTS)
        if more is not None and not isinstance(more, Mapping):
            raise ConfigError(f"reactions is {format_value(more)}, not a dict", key="reactions", hint=_HINT)
        for reaction, meaning in (more or {}).items():
            if not isinstance(reaction, str) or not _plain(reaction):
                raise ConfigError(f"reactions has {format_value(reaction)}, not text", key="reactions", hint=_HINT)
            try:
                self._verdicts[_plain(reaction)] = Rating(meaning)
            except ValueError:
                pass
            else:
                continue
            raise ConfigError(
                f"reactions has {format_value(reaction)}: {format_value(meaning)}", key="reactions", hint=_HINT
            )

    def verdict(self, reaction: str | Rating) -> Rating | None:
        """Return what a reaction says about an answer; None if it is not a verdict.

        Raises:
            InvalidInput: it is neither text nor a rating.
        """
        if isinstance(reaction, Rating):
            return reaction
        return self._verdicts.get(_plain(check_text("reaction", reaction)))


_HINT = 'Give names with "up" or "down", such as {"white_check_mark": "up"}.'


def _plain(reaction: str) -> str:
    """Return the reaction without skin tone, and without the colons that platforms write around names."""
    return _TONE.sub("", reaction.strip().strip(":")).strip(":")
