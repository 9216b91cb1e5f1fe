import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import try_call
from unichat.adapter import Secret, Token
from unichat.errors import ConfigError

GOOD = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


@given(GOOD)
def test_a_secret_gives_its_text_only_when_asked(text):
    secret = Secret(text)
    assert secret.reveal() == text
    shown = (repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret, repr([secret]), repr(Token(secret)))  # noqa: UP031
    assert all(part.replace("***", "").strip("[]") in ("", "Token(secret=, lifetime=None)") for part in shown)


@given(st.text(st.characters()))
def test_a_text_that_no_header_can_hold_is_refused_without_being_shown(text):
    fits = text.isascii() and text.isprintable() and text == text.strip() and text != ""
    secret, error = try_call(lambda: Secret(text), ConfigError)
    if fits:
        assert secret.reveal() == text
    else:
        # Less than four characters may stand in any sentence.
        assert len(text.strip()) < 4 or text.strip() not in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("sesame\n", "trailing whitespace"),
        (" sesame", "leading"),
        ("se\nsame", "cannot be used in an HTTP header"),
        ("se\x00same", "cannot be used in an HTTP header"),
        ("se\x7fsame", "cannot be used in an HTTP header"),
        ("sésame", "cannot be used in an HTTP header"),
        (b"sesame", "must be text, not bytes"),
        (None, "must be text, not NoneType"),
    ],
)
def test_the_refusal_names_the_setting_and_what_is_wrong(text, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Secret(text, name="api_key")
    assert caught.value.key == "api_key"
    assert str(caught.value).startswith("api_key ")
    assert "same" not in str(caught.value)


@given(GOOD, GOOD)
def test_secrets_are_equal_where_their_texts_are(one, other):
    assert (Secret(one) == Secret(other)) is (one == other)
    assert hash(Secret(one)) == hash(Secret(one))


def test_a_secret_equals_nothing_but_secrets():
    assert Secret("sesame") != "sesame"
    assert hash(Secret("sesame")) != hash("sesame")


@pytest.mark.parametrize("keep", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_neither_pickled_nor_copied(keep):
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        keep(Secret("sesame"))
    assert "sesame" not in str(caught.value)


def test_a_secret_has_no_attributes_to_dump():
    with pytest.raises(TypeError):
        vars(Secret("sesame"))
