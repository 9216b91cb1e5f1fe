"""Requests that a vendor must look at closely: each field with each value that may be wrong, and wrong bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from attrs import frozen

UUID = "497f6eca-6276-4993-bfeb-53cbbbba6f08"


@frozen(kw_only=True)
class Case:
    """One request.

    Attributes:
        name: what is unusual about it, where.
        target: path and query; `{project}` and `{bot}` stand for the vendor's own.
        has_result: whether the answer of a success is compared, too.
    """

    name: str
    method: str
    target: str
    body: bytes = b""
    content_type: str | None = None
    has_result: bool = False


@frozen(kw_only=True)
class Endpoint:
    """A method and path, and a good value of each of its fields; those that it needs are `required`."""

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    required: tuple[str, ...] = ()
    query: Mapping[str, str] = {}
    has_result: bool = False


DEEP: Any = []
for _ in range(60):
    DEEP = [DEEP]
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "0": 0,
    "1": 1,
    "-1": -1,
    "a number": 7,
    "a fraction": 1.5,
    "10.0": 10.0,
    "1e3": 1e3,
    "a huge number": 10**40,
    "an empty text": "",
    "a blank": " ",
    "a line break": "\n",
    "a text": "text",
    "digits": "7",
    "digits with a fraction of 0": "7.0",
    "digits between blanks": " 7 ",
    "yes": "yes",
    "True": "True",
    "off": "off",
    "the text null": "null",
    "a UUID without hyphens": UUID.replace("-", ""),
    "a UUID in capitals": UUID.upper(),
    "a URN of a UUID": f"urn:uuid:{UUID}",
    "a UUID in braces": f"{{{UUID}}}",
    "200 letters": "a" * 200,
    "201 letters": "a" * 201,
    "200 letters between blanks": f" {'a' * 200} ",
    "5000 letters": "a" * 5000,
    "5001 letters": "a" * 5001,
    "5000 letters and a blank": f"{'a' * 5000} ",
    "an empty list": [],
    "a list": ["a"],
    "a list with a null": [None],
    "a list of numbers": [7],
    "an empty object": {},
    "an object": {"a": 1},
    "60 levels": DEEP,
    "a NUL": "a\0",
    "half a surrogate pair": "a\ud800",
    "5001 letters and a NUL": "a" * 5001 + "\0",
}
BODIES: dict[str, tuple[bytes, str | None]] = {
    "no body": (b"", "application/json"),
    "no body and no type": (b"", None),
    "null": (b"null", "application/json"),
    "a list": (b"[]", "application/json"),
    "a text": (b'"text"', "application/json"),
    "a number": (b"5", "application/json"),
    "true": (b"true", "application/json"),
    "half of it": (b'{"a": ', "application/json"),
    "something after it": (b"{} {}", "application/json"),
    "single quotes": (b"{'a': 1}", "application/json"),
    "a comma at its end": (b'{"a": 1,}', "application/json"),
    "NaN": (b'{"a": NaN}', "application/json"),
    "Infinity": (b'{"a": Infinity}', "application/json"),
    "a number beyond floats": (b'{"a": 1e999}', "application/json"),
    "white space": (b" \n ", "application/json"),
    "bytes that are no UTF-8": (b'{"a": "\xff"}', "application/json"),
    "100,000 brackets": (b"[" * 100_000, "application/json"),
}


def whole_bodies(good: bytes) -> dict[str, tuple[bytes, str | None]]:
    """Return a good body in other encodings, and labelled as something else."""
    text = good.decode()
    return {
        "a BOM": (b"\xef\xbb\xbf" + good, "application/json"),
        "UTF-16": (text.encode("utf-16"), "application/json"),
        "UTF-16, as labelled": (text.encode("utf-16"), "application/json; charset=utf-16"),
        "UTF-16 of one order": (text.encode("utf-16-le"), "application/json"),
        "Latin-1, as labelled": (good, "application/json; charset=iso-8859-1"),
        "an unknown charset": (good, "application/json; charset=nonsense"),
        "a charset in quotes": (good, 'application/json; charset="utf-8"'),
        "a type in capitals": (good, "Application/JSON"),
        "a type of a vendor": (good, "application/vnd.api+json"),
        "plain text": (good, "text/plain"),
        "text/json": (good, "text/json"),
        "a form": (b"a=1", "application/x-www-form-urlencoded"),
        "bytes": (good, "application/octet-stream"),
        "no type": (good, None),
        "an empty type": (good, ""),
        "a key twice": (b"{" + good[1:-1] + b"," + good[1:], "application/json"),
        "white space around it": (b" \r\n" + good + b"\n", "application/json"),
        "an unknown field": (good[:-1] + b', "surprise": 1}', "application/json"),
    }


QUERY_VALUES = (
    "", " ", "0", "1", "-1", "+1", "1.0", "1.5", "01", " 1 ", "1_0", "x", "last", "LAST", "null", "true", "\u0663",
    "9" * 40, "yes", "off", "asc", "desc", "ASC", "-asc", UUID, UUID.upper(),
)  # fmt: skip
ORDERINGS = (
    "email", "-email", "question_answer_count,email", "question_answer_count,-email", "-question_answer_count,-email",
    "nonsense", "nonsense,email", "email,nonsense", " email", "email ", "email , -question_answer_count", "--email",
    "-", ",", "", "Email", "first_activity_at", "-latest_activity_at", "id", "pk", "email,email",
)  # fmt: skip


def generate_cases(endpoint: Endpoint) -> Iterator[Case]:
    """Yield the cases of one endpoint."""
    if endpoint.body is not None:
        yield from _bodies(endpoint, endpoint.body)
    for name, good in endpoint.query.items():
        values = ORDERINGS if name == "ordering" else QUERY_VALUES
        for value in values:
            changed = {**endpoint.query, name: value}
            yield _case(endpoint, f"{name}={value!r}", changed)
        yield _case(endpoint, f"{name} twice", endpoint.query, f"&{name}={quote(good)}")
        yield _case(endpoint, f"no {name}", {key: each for key, each in endpoint.query.items() if key != name})
    path = endpoint.path
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    yield Case(
        name=f"{endpoint.name}: the other slash", method=endpoint.method, target=f"{other}?{urlencode(endpoint.query)}"
    )
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        if method != endpoint.method:
            yield Case(name=f"{endpoint.name}: {method}", method=method, target=path)


def _case(endpoint: Endpoint, name: str, query: Mapping[str, str], more: str = "") -> Case:
    body = None if endpoint.body is None else json.dumps(endpoint.body).encode()
    return Case(
        name=f"{endpoint.name}: {name}",
        method=endpoint.method,
        target=f"{endpoint.path}?{urlencode(query)}{more}",
        body=body or b"",
        content_type=None if body is None else "application/json",
        has_result=endpoint.has_result,
    )


def _bodies(endpoint: Endpoint, good: Mapping[str, Any]) -> Iterator[Case]:
    target = f"{endpoint.path}?{urlencode(endpoint.query)}" if endpoint.query else endpoint.path

    def case(name: str, body: bytes, content_type: str | None = "application/json") -> Case:
        return Case(
            name=f"{endpoint.name}: {name}",
            method=endpoint.method,
            target=target,
            body=body,
            content_type=content_type,
            has_result=endpoint.has_result,
        )

    whole = json.dumps(good).encode()
    for name, (body, content_type) in {**BODIES, **whole_bodies(whole)}.items():
        yield case(f"the body is {name}", body, content_type)
    for place in _places(good):
        for name, value in VALUES.items():
            yield case(f"{'.'.join(map(str, place))} is {name}", json.dumps(_put(good, place, value)).encode())
        yield case(f"no {'.'.join(map(str, place))}", json.dumps(_put(good, place, _MISSING)).encode())
    yield case("everything is wrong", json.dumps({key: [[]] for key in good}).encode())
    yield case("nothing is given", b"{}")


_MISSING = object()


def _places(value: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*before, key)
        if before == () or isinstance(value, list):
            yield from _places(item, (*before, key))


def _put(value: Any, place: tuple[str | int, ...], new: Any) -> Any:
    key, *rest = place
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    if rest:
        copy[key] = _put(copy[key], tuple(rest), new)
    elif new is _MISSING:
        del copy[key]
    else:
        copy[key] = new
    return copy
