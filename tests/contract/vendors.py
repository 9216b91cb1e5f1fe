"""The contracts of the built-in adapters, with what their tests need of them: samples, schemas, built operations."""

import json
from functools import cache
from pathlib import Path

from unichat.config import registry
from unichat.contract.documents import load
from unichat.contract.operations import fill_in, find_schema, read_operations

VERSIONS = [("kapa", "reference"), ("kapa", "2026"), ("kadal", "1.0.7")]
UUID = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
_VALUES = {"question": "How?", "user": "ada", "settings": {"rating_ids": {"up": 1}}}
_FOLDER = Path(__file__).parent.parent


@cache
def load_contract(backend, version):
    """The document, and its operations by name. Shared: not to be changed."""
    document = load(backend, version)
    return document, {operation.name: operation for operation in read_operations(document)}


@cache
def samples(backend):
    """Every response that the vendor's reference prints, by the operation's name. Shared: not to be changed."""
    paths = sorted((_FOLDER / backend / "samples").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def answer_schema(document, operation):
    """The pointer to the schema of the operation's success."""
    return find_schema(document, operation.success_pointer)


def build(backend, operation):
    """The adapter's operation, with the contract's examples as its arguments, and ids where it needs one."""
    endpoint = registry.find(backend).endpoints[operation.name]
    arguments = {name: fill_in(example, _VALUES) for name, example in operation.examples.items()}
    needed = {each.name for each in endpoint.parameters if each.default is each.empty} | operation.required
    ids = {name: 1 if name == "bot_response_id" else UUID for name in needed - arguments.keys()}
    return endpoint.function(**arguments, **ids)
