"""The JSON Schema: that it is one, that it ships, and that it agrees with what the config accepts."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from unichat.config import schema

UUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def config_schema(finders: dict[str, Any]) -> dict[str, Any]:
    return schema(**finders)


@pytest.fixture(scope="module")
def validator(config_schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(config_schema)
    return Draft202012Validator(config_schema)


def test_the_packaged_schema_is_the_generated_one(config_schema: dict[str, Any]) -> None:
    shipped = (files("unichat.config") / "unichat.schema.json").read_text(encoding="utf-8")
    # To fix this: unichat profiles --schema > unichat/config/unichat.schema.json
    assert json.loads(shipped) == config_schema


@pytest.mark.parametrize(
    "text",
    [
        "",
        'default = "a"\n[profiles.a]\nbackend = "kapa"',
        f'[profiles.a]\nurl = "kapa://{UUID}"\nattempts = 2',
        f'[profiles.a]\nbackend = "kapa"\nproject_id = "{UUID}"\napi_key = {{env = "KAPA_API_KEY"}}\ndeadline = 30',
        '[profiles.a]\nbackend = "kapa"\napi_key = {file = "kapa.key"}',
        '[profiles.a]\nbackend = "kadal"\ntoken = {keyring = "kadal/me"}\nrating_ids = {up = 1, down = 2}',
        '[profiles.a]\nbackend = "kadal"\ntoken = {keyring = {service = "kadal", username = "me"}}\nrealm = "r"',
        '[profiles.a]\nbackend = "kadal"\nurl = "kadal://b"\ncheck_thread = true\ndeadline = 2.5',
        '[profiles.a]\nbackend = "kapa"\napi_key = "written out"\n[profiles.b]\nbackend = "kadal"',
        '[profiles.a]\nfallback = ["b", "c"]\npatience = 2\nfall_back_on = ["refused"]\ndeadline = 9',
        "[profiles.a]\nsplit = {b = 70, c = 0.5}\ncarry_over = true\ncarry_over_limit = 100",
        '[profiles.a]\nshadow = {primary = "b", other = "c"}\nshare = 0.25\nrecord = "a.jsonl"\nshadow_grace = 0',
    ],
)
def test_valid_files_match_the_schema(validator: Draft202012Validator, text: str) -> None:
    assert list(validator.iter_errors(tomllib.loads(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "defualt = 'a'",
        "default = 3",
        "profiles = 3",
        "[profiles.a]",
        "[profiles.a]\nattempts = 3",
        "[profiles.a]\nfallback = []",
        '[profiles.a]\nfallback = ["b", "b"]',
        '[profiles.a]\nfallback = "b"',
        '[profiles.a]\nfallback = ["b", "c"]\napi_key = "k"',
        '[profiles.a]\nfallback = ["b", "c"]\nbackend = "kapa"',
        '[profiles.a]\nfallback = ["b", "c"]\nfall_back_on = ["no"]',
        '[profiles.a]\nfallback = ["b", "c"]\nsplit = {b = 1, c = 1}',
        "[profiles.a]\nsplit = {b = 0, c = 1}",
        "[profiles.a]\nsplit = {}",
        '[profiles.a]\nsplit = ["b", "c"]',
        '[profiles.a]\nshadow = {primary = "b"}',
        '[profiles.a]\nshadow = {primary = "b", other = "c"}\ncarry_over = true',
        '[profiles.a]\nbackend = "kapa"\npatience = 2',
        '[profiles.a]\nbackend = "kappa"',
        '[profiles.a]\nurl = "kappa://x"',
        '[profiles.a]\nbackend = "kapa"\natempts = 3',
        '[profiles.a]\nbackend = "kapa"\nthreads = "isolated"',
        '[profiles.a]\nurl = "kapa://x"\nthreads = "isolated"',
        '[profiles.a]\nbackend = "kadal"\nthreads = "per_user"',
        '[profiles.a]\nbackend = "kadal"\ncheck_thread = 1',
        '[profiles.a]\nbackend = "kadal"\nrating_ids = {up = "1"}',
        '[profiles.a]\nbackend = "kapa"\napi_key = {envv = "X"}',
        '[profiles.a]\nbackend = "kapa"\napi_key = {env = "X", file = "y"}',
        '[profiles.a]\nbackend = "kapa"\napi_key = {env = "sk-live"}',
        '[profiles.a]\nbackend = "kapa"\napi_key = {keyring = "kapa"}',
        '[profiles.a]\nbackend = "kapa"\napi_key = ""',
        '[profiles.a]\nbackend = "kapa"\ndeadline = "5"',
    ],
)
def test_invalid_files_do_not_match_the_schema(validator: Draft202012Validator, text: str) -> None:
    assert list(validator.iter_errors(tomllib.loads(text)))


def test_every_setting_says_what_it_is_for(config_schema: dict[str, Any]) -> None:
    for name in ("kapa", "kadal"):
        settings = {key: item for key, item in config_schema["$defs"][name]["properties"].items() if item is not True}
        assert all(item["description"] for item in settings.values())
    kadal = config_schema["$defs"]["kadal"]["properties"]
    assert kadal["send_version"]["default"] == "v2"
    assert kadal["send_version"]["enum"] == ["v1", "v2"]
    assert kadal["token"]["description"].endswith("Read from KADAL_TOKEN when left out.")
    assert "default" not in kadal["token"]
    assert kadal["check_thread"]["default"] == "first"
