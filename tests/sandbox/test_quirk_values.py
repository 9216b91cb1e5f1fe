"""Quirks that are set by name."""

from __future__ import annotations

import pytest

import unichat.sandbox
from unichat.sandbox import SandboxError


@pytest.fixture(scope="module")
def box():
    with unichat.sandbox.start() as box:
        yield box


@pytest.mark.parametrize(
    ("backend", "name", "given", "value"),
    [
        ("kadal", "message_in", "query", "query"),
        ("kadal", "errors_in_body", "true", True),
        ("kadal", "errors_in_body", False, False),
        ("kadal", "missing_token_status", "401", 401),
        ("kadal", "page_size_cap", "5", 5),
        ("kadal", "page_size_cap", "none", None),
        ("kadal", "page_size_cap", None, None),
        ("kadal", "count_field", "none", "none"),
        ("kapa", "seconds_between_records", "0.5", 0.5),
        ("kapa", "seconds_between_records", 1, 1),
        ("kapa", "requests_per_minute", "60", 60),
    ],
)
def test_a_quirk_is_set_from_text_or_a_value(box, backend, name, given, value):
    box.reset()
    box.set_quirk(backend, name, given)
    found = getattr(box.simulator(backend).quirks, name)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("backend", "name", "value", "words"),
    [
        ("kadal", "mesage_in", "query", "kadal has no quirk 'mesage_in' (did you mean message_in?); there are "),
        ("kadal", "__class__", "x", "kadal has no quirk '__class__'"),
        ("kadal", "message_in", "form", "the quirk kadal.message_in is 'form', but should be one of 'body', 'query'"),
        ("kadal", "page_size_cap", "many", "should be a whole number or none"),
        ("kadal", "page_size_cap", True, "should be a whole number"),
        ("kadal", "errors_in_body", None, "should be true or false"),
        ("kapa", "page_size", 2.5, "should be a whole number"),
        ("kapa", "page_size", [1], "should be a whole number"),
        ("kappa", "page_size", 2, "no simulator of 'kappa'"),
    ],
)
def test_a_quirk_that_cannot_be_is_refused(box, backend, name, value, words):
    with pytest.raises(SandboxError) as caught:
        box.set_quirk(backend, name, value)
    assert words in str(caught.value)
