"""Row 50: every field of every good answer in turn: missing, null, of another kind, empty, huge; and too many."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.injection import good
from tests.faults.neutral import OPERATIONS, Neutral, Opens, new_nonce, no_wait
from tests.faults.oracles import check_error
from tests.faults.rows_bodies import good_body
from tests.faults.server import FaultServer, HttpMessage
from tests.faults.vendors import SEPARATOR, STREAM, as_json, encode_chunks, kapa_records, text_for
from unichat.errors import InvalidResponse, StreamInterrupted, UnichatError

_GONE = object()
_VALUES: dict[str, Any] = {
    "missing": _GONE,
    "null": None,
    "text": "something else",
    "empty text": "",
    "number": 7,
    "fraction": 7.5,
    "huge number": 10**40,
    "true": True,
    "list": ["a", 1, None],
    "object": {"a": 1},
    "empty list": [],
    "huge text": "x" * 50_000,
}
Path = tuple[str | int, ...]


def _paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """The place of every field, those within fields included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*here, key)
        yield from _paths(item, (*here, key))


def _replace(value: Any, path: Path, to: Any) -> Any:
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if to is _GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return value


class ChangingVendor:
    """A vendor whose good answer has one field changed: which, is set from outside."""

    def __init__(self, neutral: Neutral) -> None:
        self.neutral = neutral
        self.change: Callable[[Any], Any] = lambda value: value
        self.good: Any = None

    def __call__(self, received: HttpMessage) -> bytes:
        if self.neutral.streamed:
            self.good = [json.loads(each.removesuffix(SEPARATOR)) for each in kapa_records(received.nonce)]
            return encode_chunks([json.dumps(each).encode() + SEPARATOR for each in self.change(self.good)], **STREAM)
        self.good = json.loads(good_body(received))
        return as_json(self.change(self.good))


def _outcome(neutral: Neutral, client: Any, nonce: str) -> UnichatError | None:
    try:
        neutral.run(client, nonce)
    except UnichatError as error:
        return error
    return None


@pytest.mark.parametrize("neutral", OPERATIONS, ids=lambda neutral: neutral.name)
def test_a_field_that_is_not_as_the_reference_shows_is_read_past_or_named(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    vendor = ChangingVendor(neutral)
    tried = 0
    with FaultServer(vendor, (good,)) as server, client_on(neutral.backend, server.url, sleep=no_wait) as client:
        assert _outcome(neutral, client, new_nonce()) is None
        for path in list(_paths(vendor.good)):
            for value in _VALUES.values():
                vendor.change = lambda whole, path=path, value=value: _replace(whole, path, value)
                nonce = new_nonce()
                error = _outcome(neutral, client, nonce)
                tried += 1
                assert server.seen[nonce] >= 1
                if error is None:
                    continue
                check_error(error)
                if path[-1] == "status_code":
                    continue
                assert server.seen[nonce] == 1, "the question was seen twice"
                if isinstance(error, StreamInterrupted):
                    assert text_for(nonce).startswith(error.text) or value not in (None, _GONE)
                    continue
                assert isinstance(error, InvalidResponse), f"{path}: {value!r:.40}: {error!r}"
                assert error.kind == "shape"
                if not neutral.streamed:
                    assert error.pointer.startswith("/" + str(path[0])), f"{path}: {error}"
    assert tried > 20
    count(50, f"{tried} changed fields: {neutral.name}")


@pytest.mark.parametrize("neutral", OPERATIONS, ids=lambda neutral: neutral.name)
def test_fields_that_nobody_knows_change_nothing(
    neutral: Neutral, count: Callable[..., None], client_on: Opens
) -> None:
    def more(value: Any) -> Any:
        if isinstance(value, dict):
            return {**{key: more(item) for key, item in value.items()}, "new_in_2030": {"deep": [1, 2]}}
        return [more(item) for item in value] if isinstance(value, list) else value

    vendor = ChangingVendor(neutral)
    vendor.change = more
    with FaultServer(vendor, (good,)) as server, client_on(neutral.backend, server.url) as client:
        assert neutral.run(client, new_nonce()).right, "not the answer to the question"
    count(50, f"unknown fields: {neutral.name}")


def test_a_missing_answer_is_an_error_with_a_pointer_and_not_an_empty_text(
    count: Callable[..., None], client_on: Opens
) -> None:
    for backend, field in (("kapa", "answer"), ("kadal", "message")):
        vendor = ChangingVendor(next(each for each in OPERATIONS if each.name == f"{backend} chat"))
        vendor.change = lambda whole, field=field: _replace(whole, (field,), _GONE)
        with FaultServer(vendor, (good,)) as server, client_on(backend, server.url) as client:
            with pytest.raises(InvalidResponse) as caught:
                client.chat("How do I install it?")
            assert caught.value.pointer == f"/{field}"
    count(50, "no answer in the answer")
