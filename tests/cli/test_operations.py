"""`unichat operations --json` of an adapter whose modules do not postpone annotations; nor does this one."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from unichat.adapter import Backend, CommonSettings, Endpoints, Operation, Replay
from unichat.config import registry


class Row:
    pass


endpoints = Endpoints("acme", lambda reply: None)


@endpoints.add("GET", "/rows", Replay.READ, reference="Rows")
def list_rows(
    endpoint,
    a: str,
    b: int | None,
    c: Sequence[Mapping[str, Any]],
    d: Literal["json", "a.b"],
    e: str | Sequence[Row],
    f: None,
    g: list[int],
    h: "Row | None",
    i,
) -> Operation[Row]:
    raise NotImplementedError


TYPES = {
    "a": "str",
    "b": "int | None",
    "c": "Sequence[Mapping[str, Any]]",
    "d": "Literal['json', 'a.b']",
    "e": "str | Sequence[Row]",
    "f": "None",
    "g": "list[int]",
    "h": "Row | None",
    "i": "Any",
}


@pytest.fixture
def row(run, monkeypatch):
    backend = Backend(name="acme", title="Acme", settings=CommonSettings, build=None, endpoints=endpoints)
    monkeypatch.setattr(registry, "find", lambda name: backend)
    (found,) = run("operations", "acme", "--json").json
    return found


def test_the_type_of_a_parameter_reads_as_its_author_wrote_it(row):
    assert {each["name"]: each["type"] for each in row["parameters"]} == TYPES


def test_the_type_of_the_answer_reads_as_its_author_wrote_it(row):
    assert row["answer"]["type"] == "Row"
