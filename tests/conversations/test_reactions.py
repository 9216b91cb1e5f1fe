"""Which reactions are verdicts."""

import pytest

from unichat import Rating
from unichat.conversations.reactions import Reactions
from unichat.errors import ConfigError, InvalidInput

TONES = [chr(code) for code in range(0x1F3FB, 0x1F400)]


@pytest.mark.parametrize("tone", ["", *TONES, "\ufe0f"])
def test_thumbs_are_verdicts_in_each_skin_tone(tone):
    assert Reactions().verdict(f"👍{tone}") is Rating.UP
    assert Reactions().verdict(f"👎{tone}") is Rating.DOWN


@pytest.mark.parametrize("reaction", ["+1", "thumbsup", "up", ":+1:", ":thumbsup:", Rating.UP, *(f"thumbsup::skin-tone-{n}" for n in range(2, 7)), "+1::skin-tone-3", ":thumbsup::skin-tone-3:"])  # fmt: skip  # noqa: E501
def test_names_of_thumbs_up(reaction):
    assert Reactions().verdict(reaction) is Rating.UP


@pytest.mark.parametrize("reaction", ["-1", "thumbsdown", "down", "thumbsdown::skin-tone-6", Rating.DOWN])
def test_names_of_thumbs_down(reaction):
    assert Reactions().verdict(reaction) is Rating.DOWN


@pytest.mark.parametrize("reaction", ["", "1", "++1", "👀", "❤️", "thumbs up", "skin-tone-3", "thumbsup::skin-tone-9"])
def test_anything_else_is_no_verdict(reaction):
    assert Reactions().verdict(reaction) is None


@pytest.mark.parametrize("reaction", [None, 1, True, b"up", ["up"]])
def test_what_is_no_reaction_is_refused(reaction):
    with pytest.raises(InvalidInput):
        Reactions().verdict(reaction)


def test_a_bot_adds_its_own_and_can_change_the_usual_ones():
    reactions = Reactions({"white_check_mark": "up", ":no_entry:": Rating.DOWN, "👍": "down"})
    assert reactions.verdict("white_check_mark") is Rating.UP
    assert reactions.verdict(":white_check_mark:") is Rating.UP
    assert reactions.verdict("no_entry") is Rating.DOWN
    assert reactions.verdict("👍🏽") is Rating.DOWN
    assert reactions.verdict("thumbsdown") is Rating.DOWN


@pytest.mark.parametrize("more", [["up"], "up", {"x": "sideways"}, {1: "up"}, {"": "up"}, {"x": None}])
def test_meanings_that_are_none_are_a_config_error(more):
    with pytest.raises(ConfigError) as error:
        Reactions(more)
    assert error.value.key == "reactions"
