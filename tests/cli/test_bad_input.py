"""What a tester gets wrong, tried from the command line: one clear line each, and a check goes on."""

from __future__ import annotations

import sys

import pytest

from unichat.adapter import Backend, CommonSettings, Contracts, Endpoints
from unichat.config import registry
from unichat.testing import CannedStream, FaultServer, json_answer
from unichat.testing.faults import FAULTS

ID = "00000000-0000-4000-8000-000000000000"
SETTINGS = {
    "kapa": f'backend = "kapa"\napi_key = "key-123456"\nproject_id = "{ID}"\n',
    "kadal": 'backend = "kadal"\ntoken = "key-123456"\nchat_bot_id = "bot"\n',
}
FORBIDDEN = json_answer({"detail": "You do not have permission to perform this action."}, 403)
COMMANDS = [
    ("ask", "What?"),
    ("history",),
    ("call", "list_threads"),
    ("call", "chat_streamed", "query=What?"),
    ("feedback", ID, "up", "--user", "ada"),
]


@pytest.fixture
def serve(write):
    """Serve one answer to everything, and write a config whose profile talks to it."""
    servers = []

    def call(answer, backend="kapa"):
        server = FaultServer(lambda _: answer, ["good"])
        servers.append(server.__enter__())
        write(f'[profiles.x]\nbase_url = "{server.url}"\nattempts = 1\n{SETTINGS[backend]}')

    yield call
    for server in servers:
        server.__exit__(None, None, None)


def only_line(result):
    assert (result.out, result.err.count("\n")) == ("", 1)
    assert "Traceback" not in result.err
    assert "bug in unichat" not in result.err
    return result.err


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "words"),
    [("html", "check base_url"), ("redirect", "fix base_url")],
)
def test_an_address_that_answers_with_a_page_or_a_redirect_is_named_as_the_mistake(run, serve, arguments, name, words):
    serve(FAULTS[name].outcome(json_answer({})))
    result = run(*arguments[:1], "--profile", "x", *arguments[1:])
    assert result.code == 1
    assert words in only_line(result)


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
@pytest.mark.parametrize(("name", "verdict"), [("html", "broken"), ("redirect", "broken")])
def test_a_check_of_such_an_address_goes_on_and_sums_up(run, serve, backend, name, verdict):
    serve(FAULTS[name].outcome(json_answer({})), backend)
    result = run("contract", "check", "--profile", "x", "--write", "--format", "json")
    assert (result.code, result.err) == (1, "")
    rows = result.json["operations"]
    assert {row["verdict"] for row in rows} == {verdict, "unknown"}
    assert len([row for row in rows if row["verdict"] == verdict]) > len(rows) / 3


def test_a_page_in_the_place_of_a_stream_is_broken(run, serve):
    serve(FAULTS["html"].outcome(json_answer({})))
    result = run("contract", "check", "--profile", "x", "--write", "--only", "chat_streamed", "--format", "json")
    (row,) = result.json["operations"]
    assert (row["verdict"], row["findings"][0]["kind"]) == ("broken", "not_json")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_profile_without_rights_to_an_operation_is_told_so(run, serve, arguments):
    serve(FORBIDDEN)
    result = run(*arguments[:1], "--profile", "x", *arguments[1:])
    assert result.code == 1
    assert "HTTP 403: You do not have permission to perform this action." in only_line(result)


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_a_check_without_rights_to_one_operation_goes_on_with_the_next(run, write, box, backend):
    name = {"kapa": "retrieve_project", "kadal": "health"}[backend]
    write(box.config_toml(backend))
    box.reset()
    box.fail(backend, "403")
    result = run("contract", "check", "--format", "json", "--profile", backend)
    verdicts = {row["name"]: row["verdict"] for row in result.json["operations"]}
    assert result.code == 0
    assert verdicts[name] == "unknown"
    assert "ok" in verdicts.values()
    box.reset()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON in UTF-8"),
        ("[]", "is not an OpenAPI 3.1 document"),
        ('{"openapi": "3.0.0"}', "is not an OpenAPI 3.1 document"),
        ('{"openapi": "3.1.0", "paths": []}', "is not a valid document"),
    ],
)
def test_a_contract_that_is_not_valid_is_named_with_what_to_do(run, monkeypatch, tmp_path, text, problem):
    folder = tmp_path / "unichat_bad_contract" / "contract" / "1"
    folder.mkdir(parents=True)
    (tmp_path / "unichat_bad_contract" / "__init__.py").touch()
    (folder / "openapi.json").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    backend = Backend(
        name="acme",
        title="Acme",
        settings=CommonSettings,
        build=None,
        endpoints=Endpoints("acme", lambda reply: None),
        contracts=Contracts("unichat_bad_contract", ("1",)),
    )
    monkeypatch.setattr(registry, "find", lambda name: backend)
    result = run("operations", "acme", "--json")
    sys.modules.pop("unichat_bad_contract", None)
    assert result.code == 2
    line = only_line(result)
    assert f"the contract '1' of acme {problem}" in line
    assert "Reinstall or repair the adapter" in line


def test_a_stream_that_is_a_page_on_its_way_is_told_as_one():
    import asyncio

    from unichat.errors import InvalidResponse
    from unichat.testing import AsyncCannedTransport, CannedTransport, connect, connect_async

    page = CannedStream([b"<html>", b"Please sign in."], headers={"content-type": "Text/HTML; charset=utf-8"})
    settings = {"api_key": "key", "project_id": ID}
    with connect("kapa", CannedTransport(page), **settings) as client, pytest.raises(InvalidResponse) as caught:
        client.stream("What?").__enter__()
    assert (caught.value.kind, caught.value.status, caught.value.maybe_delivered) == ("content_type", 200, True)

    async def stream():
        async with connect_async("kapa", AsyncCannedTransport(page), **settings) as client:
            await client.stream("What?").__aenter__()

    with pytest.raises(InvalidResponse, match="a page of HTML instead of a stream"):
        asyncio.run(stream())
