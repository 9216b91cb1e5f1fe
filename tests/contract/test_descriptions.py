"""The schemas of operations, as `unichat operations --json` prints them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jsonschema
import pytest
from attrs import evolve

import unichat.sandbox
from unichat.config import registry
from unichat.contract.descriptions import describe_operations, type_schema

BACKENDS = ("kapa", "kadal")
ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("name", BACKENDS)
def test_every_parameter_and_answer_has_a_schema_that_is_complete_in_itself(name):
    backend = registry.find(name)
    described = describe_operations(backend)
    assert list(described) == list(backend.endpoints.names())
    for endpoint in backend.endpoints:
        schemas = described[endpoint.name]
        assert list(schemas.parameters) == [each.name for each in endpoint.parameters]
        for schema in (*schemas.parameters.values(), schemas.answer):
            assert schema
            jsonschema.Draft202012Validator.check_schema(schema)
            assert "#/components" not in str(schema)
            # A reference that leads nowhere raises.
            for value in (None, 1, "x", [], {}, [{}], {"chunk": {"type": "x", "content": {}}}):
                list(jsonschema.Draft202012Validator(schema).iter_errors(value))


@pytest.mark.parametrize(
    ("backend", "operation", "parameter", "good", "bad"),
    [
        ("kapa", "chat", "query", "What?", ""),
        ("kapa", "chat", "project_id", ID, 5),
        ("kapa", "chat", "user", {"email": "ada@example.com"}, "ada"),
        ("kapa", "upsert_feedback", "reaction", "upvote", "meh"),
        ("kapa", "list_sources", "page", 1, "one"),
        ("kadal", "post_chat", "message", "Hi", None),
        ("kadal", "post_chat", "message_encoding", "query", "xml"),
        ("kadal", "list_chats", "order", "asc", "up"),
        ("kadal", "add_feedback", "is_positive", True, "yes"),
    ],
)
def test_a_schema_says_what_its_parameter_takes(backend, operation, parameter, good, bad):
    schema = describe_operations(registry.find(backend))[operation].parameters[parameter]
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema)


def test_the_answers_of_the_simulators_fit_the_schemas():
    with unichat.sandbox.start() as box:
        for backend, calls in {
            "kapa": {
                "chat": {"query": "What is a thread?"},
                "search": {"query": "thread"},
                "list_question_answers": {},
            },
            "kadal": {"post_chat": {"message": "What?"}, "list_chats": {"page_no": 1, "page_size": 5}, "health": {}},
        }.items():
            described = describe_operations(registry.find(backend))
            with unichat.connect(backend, **box.settings(backend)) as client:
                for name, arguments in calls.items():
                    answer = client.run(getattr(client.operations, name)(**arguments)).raw
                    jsonschema.validate(answer, described[name].answer)
                    with pytest.raises(jsonschema.ValidationError):
                        jsonschema.validate("nothing like it", described[name].answer)
            if backend == "kapa":
                with unichat.connect(backend, **box.settings(backend)) as client:
                    records = client.run(client.operations.chat_streamed(query="What is a thread?")).raw
                jsonschema.validate(records, described["chat_streamed"].answer)


def test_without_a_contract_a_schema_is_that_of_the_type():
    described = describe_operations(evolve(registry.find("kapa"), contracts=None))
    assert described["chat"].parameters["query"] == {"type": "string"}
    assert described["chat"].parameters["user"] == {"type": "object"}
    assert described["list_threads"].parameters["include"] == {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    }
    assert described["chat"].answer == {}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str | None, {"type": "string"}),
        (int | bool, {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Mapping[str, Any], {"type": "object"}),
        (Sequence[Mapping[str, Any]], {"type": "array", "items": {"type": "object"}}),
        (list, {"type": "array"}),
        (Any, {}),
        (object, {}),
    ],
)
def test_the_schema_of_a_type(annotation, schema):
    assert type_schema(annotation) == schema
