"""Finding and reading contracts, and what becomes of one that is not valid."""

import json
import sys
from contextlib import suppress

import pytest

from tests.contract.vendors import VERSIONS
from unichat import contract
from unichat.adapter import Backend, CommonSettings, Contracts, Endpoints
from unichat.client.sync_client import Client
from unichat.config import registry
from unichat.contract import ContractName, check, list_contracts, load
from unichat.contract.descriptions import describe_operations
from unichat.contract.operations import read_operations
from unichat.contract.pointers import find
from unichat.contract.schemas import SchemaComparer
from unichat.errors import ConfigError


@pytest.fixture
def vendor(tmp_path, monkeypatch):
    """Install an adapter whose contract has this text; it is called `acme`."""

    def install(text, version="1"):
        folder = tmp_path / "unichat_acme_test"
        (folder / "contract" / "1").mkdir(parents=True)
        (folder / "__init__.py").touch()
        data = text if isinstance(text, bytes) else text.encode()
        (folder / "contract" / "1" / "openapi.json").write_bytes(data)
        monkeypatch.syspath_prepend(tmp_path)
        backend = Backend(
            name="acme",
            title="Acme",
            settings=CommonSettings,
            build=None,
            endpoints=Endpoints("acme", lambda reply: None),
            contracts=Contracts("unichat_acme_test", (version,)),
        )
        find = registry.find
        monkeypatch.setattr(registry, "find", lambda name: backend if name == "acme" else find(name))
        monkeypatch.setattr(registry, "names", lambda: ("acme", "kadal"))

    yield install
    sys.modules.pop("unichat_acme_test", None)


class AcmeClient(Client):
    def __init__(self):
        self.backend = "acme"


@pytest.mark.parametrize(("backend", "version"), VERSIONS)
def test_load_returns_the_document_of_a_version(backend, version):
    document = load(backend, version=version)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == version


def test_load_takes_the_newest_version_unless_one_is_named():
    assert load("kapa")["info"]["version"] == "2026"
    assert contract.load("kadal", version="1.0.7") == load("kadal")


def test_list_contracts_names_those_of_all_adapters_the_newest_last():
    assert [each for each in list_contracts() if each.backend == "kapa"] == [
        ContractName("kapa", "reference"),
        ContractName("kapa", "2026"),
    ]


def test_an_adapter_without_contracts_is_not_listed_and_not_loaded(monkeypatch):
    backend = Backend(name="bare", title="Bare", settings=CommonSettings, build=None, endpoints=Endpoints("bare", None))
    monkeypatch.setattr(registry, "find", lambda name: backend)
    monkeypatch.setattr(registry, "names", lambda: ("bare",))
    assert list_contracts() == ()
    with pytest.raises(ConfigError, match="bare has no contract"):
        load("bare")


def test_an_adapter_that_cannot_be_imported_is_not_listed(monkeypatch):
    def fail_to_load(name):
        raise ConfigError("does not load")

    monkeypatch.setattr(registry, "find", fail_to_load)
    assert list_contracts() == ()


@pytest.mark.parametrize(("backend", "version", "problem"), [
    ("kappa", None, "Did you mean 'kapa'"),
    ("kapa", "1999", "Use one of reference, 2026"),
    ("kadal", "../1.0.7", "Use one of 1.0.7"),
])  # fmt: skip
def test_an_unknown_contract_is_refused(backend, version, problem):
    with pytest.raises(ConfigError, match=problem):
        load(backend, version=version)


@pytest.mark.parametrize("text", ["", "no JSON", b"\xff\xfe", "[]", "{}", '{"openapi": "3.0.3"}', '{"openapi": 3}'])
def test_a_file_that_is_not_openapi_3_1_is_refused(vendor, text):
    vendor(text)
    with pytest.raises(ConfigError, match="the contract '1' of acme is not"):
        load("acme")


def test_a_contract_whose_file_is_missing_is_refused(vendor):
    vendor("{}", version="2")
    with pytest.raises(ConfigError, match="cannot be read"):
        load("acme")


BAD = {
    "no paths": {},
    "paths of another type": {"paths": []},
    "no operationId": {"paths": {"/a": {"get": {"x-replay": "read", "responses": {}}}}},
    "no replay class": {"paths": {"/a": {"get": {"operationId": "a", "responses": {}}}}},
    "an unknown replay class": {"paths": {"/a": {"get": {"operationId": "a", "x-replay": "sing", "responses": {}}}}},
    "no responses": {"paths": {"/a": {"get": {"operationId": "a", "x-replay": "read"}}}},
    "a reference to nothing": {
        "paths": {"/a": {"get": {"operationId": "a", "x-replay": "read", "responses": {"200": {"$ref": "#/no/such"}}}}}
    },
    "a reference in a schema to nothing": {
        "paths": {
            "/a": {
                "get": {
                    "operationId": "a",
                    "x-replay": "read",
                    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/no/such"}}}}},
                }
            }
        }
    },
    "an id twice": {
        "paths": {path: {"get": {"operationId": "a", "x-replay": "read", "responses": {}}} for path in ("/a", "/b")}
    },
    "a schema that is none": {"paths": {}, "components": {"schemas": {"x": {"type": "nonsense"}}}},
    "schemas of another type": {"paths": {}, "components": []},
}


@pytest.mark.parametrize("name", BAD)
def test_a_contract_that_is_not_a_valid_document_is_refused_before_anything_is_sent(vendor, name):
    vendor(json.dumps({"openapi": "3.1.0", "info": {"version": "1"}, **BAD[name]}))
    with pytest.raises(ConfigError, match="is not a valid document"):
        check(AcmeClient())


def _answer_with(schema, **schemas):
    """A contract whose one operation answers with this schema."""
    responses = {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}
    paths = {"/a": {"get": {"operationId": "a", "x-replay": "read", "responses": responses}}}
    return {"openapi": "3.1.0", "info": {"version": "1"}, "paths": paths, "components": {"schemas": schemas}}


BAD_SCHEMAS = (
    {"type": "strin"},
    {"patternProperties": {"[": {}}},
    {"pattern": "["},
    [],
    5,
    {"properties": []},
    {"properties": {"a": 5}},
    {"required": 5},
    {"enum": 5},
    {"anyOf": [5]},
    {"anyOf": []},
    {"minProperties": "x"},
    {"x-read": "yes"},
    {"x-ambiguity": 1, "anyOf": [{}]},
    {"discriminator": 5, "oneOf": [{}]},
    {"$id": "https://example.test/", "type": "string"},
    {"$dynamicRef": "#elsewhere"},
    {"$ref": 5},
)


@pytest.mark.parametrize("schema", BAD_SCHEMAS, ids=json.dumps)
@pytest.mark.parametrize("place", ["inline", "deep within", "named"])
def test_a_schema_that_is_not_valid_is_refused_wherever_it_stands(vendor, place, schema):
    deep = {"type": "object", "properties": {"a": {"items": {"anyOf": [schema]}}}}
    contracts = {"inline": lambda: _answer_with(schema), "deep within": lambda: _answer_with(deep)}
    vendor(json.dumps(contracts.get(place, lambda: _answer_with(A, a=schema))()))
    with pytest.raises(ConfigError, match="is not a valid document: /"):
        check(AcmeClient())


BAD_PARTS = {
    "info": "x",
    "info/version": 1,
    "paths/~1a": 5,
    "paths/~1a/get": 5,
    "paths/~1a/get/operationId": 5,
    "paths/~1a/get/x-rows": [5],
    "paths/~1a/get/x-stream": {"expects": 5},
    "paths/~1a/get/x-clear-guard": "nobody",
    "paths/~1a/get/parameters": [{"name": "b", "schema": {"type": "strin"}}],
    "paths/~1a/get/requestBody": {"content": {"application/json": {"schema": {"type": "strin"}}}},
    "paths/~1a/get/responses/200": 5,
    "paths/~1a/get/responses/200/content": [],
    "paths/~1a/get/responses/200/content/application~1json": 5,
    "paths/~1a/get/responses/200/links": {"b": {"operationId": 5}},
}


@pytest.mark.parametrize("place", BAD_PARTS)
def test_a_part_of_another_form_is_refused_with_its_place(vendor, place):
    document = _answer_with({})
    *parents, last = place.split("/")
    find(document, "".join(f"/{each}" for each in parents))[last.replace("~1", "/")] = BAD_PARTS[place]
    vendor(json.dumps(document))
    with pytest.raises(ConfigError, match="is not a valid document: /"):
        check(AcmeClient())


NOT_DESCRIBED = {
    "paths/~1a/get/parameters": [{"schema": {}}],
    "paths/~1a/get/requestBody": {"content": {"application/json": {"schema": {"properties": 5}}}},
    "paths/~1a/get/responses/200/content": {"application/json": 5},
    "paths/~1a/get/x-replay": "sing",
}


@pytest.mark.parametrize("place", [*BAD_PARTS, *NOT_DESCRIBED])
def test_operations_are_described_from_a_valid_contract_or_the_contract_is_refused(vendor, place):
    document = _answer_with({})
    *parents, last = place.split("/")
    part = {**BAD_PARTS, **NOT_DESCRIBED}[place]
    find(document, "".join(f"/{each}" for each in parents))[last.replace("~1", "/")] = part
    vendor(json.dumps(document))
    if place in NOT_DESCRIBED:
        with pytest.raises(ConfigError, match="the contract '1' of acme is not a valid document"):
            describe_operations(registry.find("acme"))
    else:
        with suppress(ConfigError):
            describe_operations(registry.find("acme"))


def test_a_parameter_without_a_schema_may_be_anything(vendor):
    document = _answer_with({})
    document["paths"]["/a"]["get"]["parameters"] = [{"name": "b", "in": "query", "content": {}}]
    vendor(json.dumps(document))
    assert describe_operations(registry.find("acme")) == {}


def test_true_and_false_are_schemas():
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": True, "b": False},
        "x-ambiguity": "Which?",
        "anyOf": [False, True],
    }
    found = SchemaComparer(_answer_with(A, a=schema)).compare({"a": 1}, "/components/schemas/a")
    assert [(each.kind, each.pointer) for each in found] == [("missing", "/b"), ("settled", "")]


A, B = ({"$ref": f"#/components/schemas/{name}"} for name in "ab")
CIRCLES = {
    "a schema": {"a": A},
    "two schemas": {"a": B, "b": A},
    "one of two alternatives": {"a": {"anyOf": [{"type": "string"}, A]}},
    "a part of a schema": {"a": {"allOf": [{"type": "object"}, B]}, "b": {"oneOf": [A]}},
    "what is excluded": {"a": {"not": A}},
}


@pytest.mark.parametrize("name", CIRCLES)
def test_a_schema_that_refers_to_itself_for_the_same_value_is_refused(vendor, name):
    vendor(json.dumps(_answer_with(A, **CIRCLES[name])))
    with pytest.raises(ConfigError, match=r"is not a valid document.*leads in a circle"):
        check(AcmeClient())


def test_a_response_that_refers_to_itself_is_refused(vendor):
    circle = {"$ref": "#/paths/~1a/get/responses/200"}
    paths = {"/a": {"get": {"operationId": "a", "x-replay": "read", "responses": {"200": circle}}}}
    vendor(json.dumps({"openapi": "3.1.0", "info": {"version": "1"}, "paths": paths}))
    with pytest.raises(ConfigError, match=r"is not a valid document.*leads in a circle"):
        check(AcmeClient())


def test_a_schema_may_refer_to_itself_for_a_part_of_a_value():
    comparer = SchemaComparer(
        document := _answer_with(A, a={"type": "object", "properties": {"children": {"items": A}}})
    )
    read_operations(document)
    assert comparer.compare({"children": [{"children": []}]}, "/components/schemas/a") == []
    (found,) = comparer.compare({"children": [{"children": [7]}]}, "/components/schemas/a")
    assert found.pointer == "/children/0/children/0"


def test_versions_are_a_tuple_of_names():
    for versions in ("1.0", ["1.0"], ()):
        with pytest.raises(ValueError, match="give a tuple"):
            Contracts("package", versions)


def test_the_operations_are_in_the_order_of_the_contract():
    names = [operation.name for operation in read_operations(load("kadal"))]
    assert names[:2] == ["health", "list_chats"]
