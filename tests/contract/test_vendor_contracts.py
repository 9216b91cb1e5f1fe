"""The contracts of the built-in adapters: against the adapters, the references' samples, and OpenAPI."""

import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract.strategies import from_schema
from tests.contract.vendors import VERSIONS, answer_schema, build, load_contract, samples
from unichat.adapter import Reply
from unichat.config import registry
from unichat.contract import Verdict, list_contracts
from unichat.contract.pointers import find
from unichat.contract.requests import request_problem
from unichat.contract.schemas import SchemaComparer
from unichat.errors import UnichatError

JSON = {"content-type": "application/json"}
OPERATIONS = [(backend, version, name) for backend, version in VERSIONS for name in load_contract(backend, version)[1]]
SAMPLES = [(backend, version, name) for backend, version in VERSIONS for name in samples(backend)]
NEWEST = [("kapa", "2026"), ("kadal", "1.0.7")]

vendors = pytest.mark.parametrize(("backend", "version"), VERSIONS)
operations = pytest.mark.parametrize(("backend", "version", "name"), OPERATIONS)


def test_these_are_all_contracts_of_the_built_in_adapters():
    found = [(each.backend, each.version) for each in list_contracts() if each.backend in ("kapa", "kadal")]
    assert sorted(found) == sorted(VERSIONS)


@vendors
def test_a_contract_is_valid_openapi_3_1(backend, version):
    OpenAPIV31SpecValidator(load_contract(backend, version)[0]).validate()


@pytest.mark.parametrize(("backend", "version"), NEWEST)
def test_the_newest_contract_has_exactly_the_operations_of_the_adapter(backend, version):
    assert set(load_contract(backend, version)[1]) == set(registry.find(backend).endpoints.names())


@operations
def test_an_operation_and_its_endpoint_agree(backend, version, name):
    operation = load_contract(backend, version)[1][name]
    endpoint = registry.find(backend).endpoints[name]
    # The names of placeholders, too: they are the parameters of the operation.
    assert (operation.method, operation.path) == (endpoint.method, endpoint.path)
    assert operation.replay is endpoint.replay
    assert (operation.stream is not None) is endpoint.streamed
    parameters = {each.name for each in endpoint.parameters} - {"message_encoding", "feedback_encoding"}
    assert operation.arguments == parameters


@operations
def test_what_the_adapter_sends_is_a_request_of_the_contract(backend, version, name):
    document, found = load_contract(backend, version)
    assert request_problem(found[name], build(backend, found[name]).request, SchemaComparer(document)) == ""


@operations
def test_an_operation_cites_its_source_and_links_to_others(backend, version, name):
    document, found = load_contract(backend, version)
    raw = find(document, found[name].pointer)
    assert "reference" in raw["description"] or "Chat API" in raw["description"]
    for link in found[name].links:
        assert link.argument in found[link.target].arguments


@vendors
def test_every_schema_cites_its_source(backend, version):
    schemas = load_contract(backend, version)[0]["components"]["schemas"]
    without = [name for name, schema in schemas.items() if not schema.get("description", "").startswith("Source: ")]
    assert without == []


@pytest.mark.parametrize(("backend", "version", "name"), SAMPLES)
def test_a_sample_of_the_reference_validates(backend, version, name):
    document, found = load_contract(backend, version)
    findings = SchemaComparer(document).compare(samples(backend)[name], answer_schema(document, found[name]))
    # A list of end users is a single object there, which is one of the forms of an ambiguous point.
    assert {finding.kind for finding in findings} <= {"settled"}


@operations
@settings(max_examples=max(10, settings.default.max_examples // 5))
@given(st.data())
def test_the_adapter_accepts_all_that_the_contract_allows(backend, version, name, data):
    document, found = load_contract(backend, version)
    operation = found[name]
    body = data.draw(from_schema(document, find(document, answer_schema(document, operation))))
    built = build(backend, operation)
    if operation.stream is None:
        reply = Reply(200, JSON, json.dumps(body).encode())
        assert built.detect_error(reply) is None
        built.parse(reply)
        return
    # One that reports an error ends the stream.
    records = [record for record in body if record["chunk"]["type"] != "error"]
    delimiter = operation.stream["delimiter"]
    decoder = built.decoder(2**20)
    list(decoder.feed("".join(json.dumps(record) + delimiter for record in records).encode()))
    assert decoder.records == records


def outcome(built, body):
    """What the adapter makes of an answer: its model, or the name of the error."""
    reply = Reply(200, JSON, json.dumps(body).encode())
    try:
        return built.detect_error(reply) or built.parse(reply)
    except UnichatError as error:
        return type(error).__name__


HANDED_ON = ("/time_series/", "/aggregate_statistics/")
"""What the adapter hands on as it is, without reading what is in it."""


def is_read(built, body, pointer):
    """Whether it makes a difference to the adapter what stands at a pointer, or that anything does."""
    if pointer.startswith(HANDED_ON):
        return False
    parent, _, key = pointer.rpartition("/")
    changed = [without(body, pointer), deepcopy(body), deepcopy(body)]
    find(changed[1], parent)[key] = {"unexpected": 1}
    find(changed[2], parent)[key] = [{"unexpected": 1}]
    return any(outcome(built, each) != outcome(built, body) for each in changed)


def find_fields(value, place=""):
    """The pointers to all fields of a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        if isinstance(value, dict):
            yield f"{place}/{key}"
        yield from find_fields(item, f"{place}/{key}")


def without(value, pointer):
    changed = deepcopy(value)
    parent, _, key = pointer.rpartition("/")
    del find(changed, parent)[key]
    return changed


@pytest.mark.parametrize(("backend", "version", "name"), [each for each in SAMPLES if not each[2].endswith("streamed")])
def test_a_field_breaks_the_contract_if_it_is_missing_exactly_where_the_adapter_reads_it(backend, version, name):
    document, found = load_contract(backend, version)
    comparer, schema = SchemaComparer(document), answer_schema(document, found[name])
    sample, built = samples(backend)[name], build(backend, found[name])
    seen = 0
    for pointer in find_fields(sample):
        for finding in comparer.compare(without(sample, pointer), schema):
            if finding.kind == "missing" and finding.pointer == pointer:
                assert (finding.verdict is Verdict.BROKEN) == is_read(built, sample, pointer), pointer
                seen += 1
    assert seen
