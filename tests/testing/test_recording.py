"""`recorded`: what is kept of exchanges, and how they are found again, over both clients and both vendors."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import unichat.sandbox
from tests.blocking import BlockingClient
from unichat import User
from unichat.adapter import Reply
from unichat.errors import ConfigError, InvalidResponse, NotFound, ServerError, StreamInterrupted, UnichatError
from unichat.sandbox import Sandbox
from unichat.testing import (
    CannedStream,
    CannedTransport,
    FakeBackend,
    RecordingMissing,
    connect,
    connect_async,
    json_answer,
    recorded,
)
from unichat.transport.base import TransportFailure

Record = Callable[..., Any]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with unichat.sandbox.start() as box:
        yield box


@pytest.fixture(params=["kapa", "kadal"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sync", "async"])
def record(request: pytest.FixtureRequest, box: Sandbox, backend: str, tmp_path: Path) -> Iterator[Record]:
    """Return a recorded client of the sandbox's vendor; or of a server that is not there."""
    file = tmp_path / "exchanges.jsonl"

    def settings(offline: bool) -> dict[str, Any]:
        return {**box.settings(backend), **({"base_url": "http://127.0.0.1:9/elsewhere"} if offline else {})}

    if request.param == "sync":
        yield lambda offline=False, **how: recorded(connect(backend, **settings(offline)), file, **how)
        return
    with asyncio.Runner() as runner:

        def record_async(offline: bool = False, **how: Any) -> BlockingClient:
            async def make() -> Any:
                return recorded(connect_async(backend, **settings(offline)), file, **how)

            return BlockingClient(runner, runner.run(make()))

        yield record_async


def talk(bot: Any, user: Any = "ada@example.com") -> list[Any]:
    first = bot.chat("What is a thread?", user=user)
    second = bot.continue_thread(first, "And an answer?", user=user)
    with bot.stream("What is a stream?", user=user) as pieces:
        texts = [event.text for event in pieces]
    receipt = bot.feedback(first, "up", user=user)
    rows = list(bot.history(user=user))
    # Kadal's threads have no id but one of unichat's own.
    return [first.text, first.id, second.text, texts, receipt, [(row.question, row.answer, row.id) for row in rows]]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "exchanges.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_recording_is_replayed_from_another_address(record: Record, tmp_path: Path) -> None:
    bot = record()
    live = talk(bot)
    bot.close()
    again = record(offline=True, mode="replay")
    assert talk(again) == live
    again.close()
    kept = lines(tmp_path)
    assert {line["version"] for line in kept} == {1}
    assert "chat" in kept[0]["operation"]
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "exchanges.jsonl").stat().st_mode) == 0o600


def test_no_secret_and_no_person_is_kept(record: Record, box: Sandbox, backend: str, tmp_path: Path) -> None:
    bot = record()
    talk(bot)
    bot.close()
    text = (tmp_path / "exchanges.jsonl").read_text(encoding="utf-8")
    for secret in box.simulator(backend).secrets():
        assert secret not in text
    assert "ada@example.com" not in text
    assert "person-1" in text
    assert "What is a thread?" in text
    assert "127.0.0.1" not in json.dumps([line["arguments"] for line in lines(tmp_path)])


def test_people_are_kept_if_asked(record: Record, tmp_path: Path) -> None:
    bot = record(keep_people=True)
    talk(bot)
    bot.close()
    assert "ada@example.com" in (tmp_path / "exchanges.jsonl").read_text(encoding="utf-8")
    again = record(offline=True, mode="replay", keep_people=True)
    assert again.chat("What is a thread?", user="ada@example.com").text
    again.close()


def test_another_person_by_the_same_number_finds_the_recording(record: Record) -> None:
    bot = record()
    bot.chat("What is a thread?", user="ada")
    bot.chat("What is a thread?", user="ben")
    bot.close()
    again = record(offline=True, mode="replay")
    again.chat("What is a thread?", user="cy")
    with pytest.raises(RecordingMissing, match="replayed already"):
        again.chat("What is a thread?", user="cy")
    again.chat("What is a thread?", user="di")
    again.close()


def test_a_miss_shows_the_nearest_recording_and_the_difference(record: Record) -> None:
    bot = record()
    bot.chat("What is a thread?", user="ada")
    bot.close()
    again = record(offline=True, mode="replay")
    with pytest.raises(RecordingMissing, match=r'differs in \w+: "What is a thread\?" there, "What is a thred\?" here'):
        again.chat("What is a thred?", user="ada")
    with pytest.raises(RecordingMissing, match="the nearest recording is of"):
        list(again.history(user="ada"))
    again.close()


def test_auto_replays_what_there_is_and_records_the_rest(record: Record, tmp_path: Path) -> None:
    bot = record()
    first = bot.chat("What is a thread?", user="ada")
    bot.close()
    again = record()
    assert again.chat("What is a thread?", user="ada").id == first.id
    again.chat("What is a stream?", user="ada")
    again.close()
    assert len(lines(tmp_path)) == 2
    anew = record(mode="record")
    anew.chat("What is a stream?", user="ada")
    anew.close()
    assert len(lines(tmp_path)) == 1


def test_an_empty_recording_says_so(record: Record) -> None:
    bot = record(offline=True, mode="replay")
    with pytest.raises(RecordingMissing, match="has no exchange"):
        bot.chat("What is a thread?", user="ada")
    bot.close()


RECORD = '{"chunk": {"type": "partial_answer", "content": {"text": "é"}, "stream_end": false}}\u241e'.encode()
KAPA = {"api_key": "key", "project_id": "00000000-0000-4000-8000-000000000000"}


def test_streams_are_kept_with_their_cuts_and_their_end(tmp_path: Path) -> None:
    # A character of two bytes, and a delimiter of three, come in two pieces.
    at = RECORD.index("é".encode()) + 1
    broken = CannedStream([RECORD[:at], RECORD[at:-1], RECORD[-1:], TransportFailure("truncated", phase="body")])
    file = tmp_path / "exchanges.jsonl"

    def read(transport: CannedTransport) -> tuple[list[str], str]:
        with recorded(connect("kapa", transport, **KAPA), file) as bot, bot.stream("?") as pieces:
            texts = [next(pieces).text]
            with pytest.raises(StreamInterrupted) as caught:
                next(pieces)
            return texts, caught.value.text

    assert read(CannedTransport(broken)) == (["é"], "é")
    (line,) = lines(tmp_path)
    assert "".join(line["outcome"]["chunks"]).encode() == RECORD
    assert len(line["outcome"]["chunks"]) == 3
    assert line["outcome"]["failure"]["kind"] == "truncated"
    assert read(CannedTransport()) == (["é"], "é")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\n", "\r\n"])
def test_every_character_of_a_text_is_kept(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "exchanges.jsonl"
    text = f"One{mark}two"
    answer = json_answer({"answer": text, "thread_id": None, "question_answer_id": "a", "relevant_sources": []})
    for outcomes in ([answer], []):
        with recorded(connect("kapa", CannedTransport(*outcomes), **KAPA), file) as bot:
            assert bot.chat(text).text == text
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1


def test_an_answer_that_utf8_cannot_carry_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    answer = json_answer({"answer": "\ud800", "thread_id": None, "question_answer_id": "a", "relevant_sources": []})
    for outcomes in ([answer], []):
        with recorded(connect("kapa", CannedTransport(*outcomes), **KAPA), file) as bot, pytest.raises(InvalidResponse):
            bot.chat("?")


def test_errors_and_lost_answers_are_kept_as_well(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    page = json_answer({"detail": "Not found."}, 404)

    def ask(*outcomes: Any, mode: Any = "auto") -> list[type[Exception]]:
        raised: list[type[Exception]] = []
        with recorded(connect("kapa", CannedTransport(*outcomes), attempts=1, **KAPA), file, mode=mode) as bot:
            for question in ("One?", "Two?"):
                try:
                    bot.chat(question)
                except Exception as error:
                    raised.append(type(error))
        return raised

    live = ask(page, "503")
    assert issubclass(live[0], NotFound)
    assert live[1] is ServerError
    assert ask(mode="replay") == live


def test_tokens_are_not_kept(box: Sandbox, tmp_path: Path) -> None:
    simulator = box.simulator("kadal")
    settings = {key: value for key, value in box.settings("kadal").items() if key != "token"}
    settings |= {"client_id": simulator.client_id, "client_secret": simulator.client_secret}
    with recorded(connect("kadal", **settings), tmp_path / "exchanges.jsonl") as bot:
        bot.chat("What is a thread?", user="ada")
    text = (tmp_path / "exchanges.jsonl").read_text(encoding="utf-8")
    assert simulator.client_secret not in text
    assert "eyJ" not in text
    settings["base_url"] = "http://127.0.0.1:9"
    with recorded(connect("kadal", **settings), tmp_path / "exchanges.jsonl", mode="replay") as bot:
        assert bot.chat("What is a thread?", user="ada").text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": 2, "operation": "chat", "arguments": {}, "outcome": {}}\n', "line 1: its version is 2, and"),
        ('{"operation": "chat"}\n', "line 1: this is not an exchange"),
        ("\nnonsense\n", "line 2: this is not an exchange"),
        ("[1]\n", "line 1: this is not an exchange"),
        ('{"version": 1, "operation": "chat"}\n', "it has no 'arguments'"),
        ('{"version": true, "operation": "chat", "arguments": {}, "outcome": {}}', "its version is"),
        ('{"version": 1.0, "operation": "chat", "arguments": {}, "outcome": {}}', "its version is"),
        ('{"version": 1, "operation": 5, "arguments": {}, "outcome": {}}', "its 'operation' is 5, and not a text"),
        ('{"version": 1, "operation": "a", "arguments": [], "outcome": {}}', "its 'arguments' is .*not an object"),
        ("[" * 100_000, "this is not an exchange"),
        *(
            (f'{{"version": 1, "operation": "a", "arguments": {{}}, "outcome": {outcome}}}', message)
            for outcome, message in (
                ("[]", "its 'outcome' is .*not an object"),
                ("{}", "neither 'status' nor 'failure'"),
                ('{"status": "200", "headers": {}, "body": ""}', "its 'status' is .*not a whole number"),
                ('{"status": 200, "body": ""}', "it has no 'headers'"),
                ('{"status": 200, "headers": {"a": 1}, "body": ""}', "a value in its headers is not a text"),
                ('{"status": 200, "headers": {}}', "it has no 'body'"),
                ('{"status": 200, "headers": {}, "json": {}, "cut": 5}', "its cut is not a text"),
                ('{"status": 200, "headers": {}, "chunks": ["a"]}', "it has no 'delimited'"),
                ('{"status": 200, "headers": {}, "chunks": [5], "delimited": true}', "one of its chunks"),
                ('{"failure": {}}', "it has no 'kind'"),
                ('{"failure": {"kind": "dns", "delivered": true, "phase": "body", "more": 1}}', "other members than"),
            )
        ),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "exchanges.jsonl"
    file.write_text(text, encoding="utf-8")
    with FakeBackend().client() as client, pytest.raises(ConfigError, match=message):
        recorded(client, file)


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="client is 'kapa', and not a client"):
        recorded("kapa", tmp_path / "exchanges.jsonl")  # type: ignore[type-var]
    with FakeBackend().client() as client:
        with pytest.raises(ConfigError, match="mode is 'play'"):
            recorded(client, tmp_path / "exchanges.jsonl", mode="play")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="cannot be read"):
            recorded(client, tmp_path)
        with pytest.raises(ConfigError, match="cannot be written"):
            recorded(client, tmp_path, mode="record")
    fake = FakeBackend().answers("One")
    bot = recorded(fake.client(), tmp_path / "missing" / "exchanges.jsonl")
    with pytest.raises(ConfigError, match="cannot be written"):
        bot.chat("?")


def test_users_with_details_are_people_too(tmp_path: Path) -> None:
    answer = json_answer({"answer": "Yes.", "thread_id": None, "question_answer_id": "a", "relevant_sources": []})
    file = tmp_path / "exchanges.jsonl"
    ada = User("ada", email="ada@example.com", slack_id="U1", metadata={"team": "Engines", "floor": 4})
    with recorded(connect("kapa", CannedTransport(answer), **KAPA), file) as bot:
        bot.chat("?", user=ada)
    assert json.loads(file.read_text(encoding="utf-8"))["arguments"]["user"] == {
        "unique_client_id": "person-1",
        "email": "person-2",
        "slack_id": "person-3",
        "metadata": {"team": "person-4", "floor": 5},
    }


@pytest.mark.parametrize("streamed", [False, True])
def test_a_key_that_the_vendor_repeats_is_not_kept(tmp_path: Path, streamed: bool) -> None:
    file = tmp_path / "exchanges.jsonl"
    key = "sentinel-key-0123456789"
    record = RECORD.replace("é".encode(), f"the key {key}".encode())
    at = record.index(b"key-0123")
    outcome = CannedStream([record[:at], record[at:]]) if streamed else json_answer({"detail": f"not {key}"}, 403)
    with recorded(connect("kapa", CannedTransport(outcome), **{**KAPA, "api_key": key}), file) as bot:
        if streamed:
            with bot.stream("?") as pieces:
                next(pieces)
        else:
            with pytest.raises(UnichatError):
                bot.chat("?")
    kept = file.read_text(encoding="utf-8")
    assert key not in "".join(json.loads(kept)["outcome"].get("chunks", [])) + kept


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_people_in_a_stream_are_not_kept_however_it_is_cut(tmp_path: Path, size: int) -> None:
    file = tmp_path / "exchanges.jsonl"
    text = "Ask eve@x.example"
    record = {"type": "partial_answer", "content": {"text": text}, "stream_end": False}
    person = {"email": "eve@secret.example", "user_name": "Eve"}
    records = [{"chunk": record, "user": person, "by": "ada@x.example"}, {"user": person}]
    whole = "".join(json.dumps(each) + "\u241e" for each in records) + '{"user": {"email": "zed@se'
    body = whole.encode()
    stream = CannedStream([*(body[at : at + size] for at in range(0, len(body), size)), TransportFailure("truncated")])

    def read(*outcomes: Any) -> tuple[str, Any]:
        with recorded(connect("kapa", CannedTransport(*outcomes), **KAPA), file) as bot:
            with bot.stream("?", user=User("1", email="ada@x.example")) as pieces:
                event = next(pieces)
                with pytest.raises(StreamInterrupted):
                    list(pieces)
            return event.text, event.raw["by"]

    assert read(stream) == (text, "ada@x.example")
    kept = "".join(lines(tmp_path)[0]["outcome"]["chunks"])
    for word in ("secret", "Eve", "ada", "zed@se"):
        assert word not in kept
    assert text in kept
    assert read() == (text, "ada@x.example")


def test_emails_within_other_texts_are_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    answer = json_answer(
        {"status_code": 200, "message_id": 7, "message": "Ask eve@x.example", "note": "By eve@x.example, pkg@1.2."}
    )
    with recorded(connect("kapa", CannedTransport(kapa_answer("yes"), json_answer({"id": "1"})), **KAPA), file) as bot:
        bot.chat("?", metadata={"who": "zed@corp.example, Zed", "more": {"text": "of eve@x.example"}})
    kept = file.read_text(encoding="utf-8")
    assert "zed@corp" not in kept
    assert "eve@x" not in kept
    with recorded(connect("kadal", CannedTransport(answer), token="t", chat_bot_id="b"), file) as bot:
        assert bot.chat("Is it eve@x.example?").text == "Ask eve@x.example"
    kept = file.read_text(encoding="utf-8").splitlines()[-1]
    assert "Is it eve@x.example?" in kept
    assert "Ask eve@x.example" in kept
    assert "By someone-1, pkg@1.2." in kept


ERRORS: dict[str, tuple[str, Any]] = {
    "by its status": ("kapa", json_answer({"message": "ada and eve@x.example are unknown"}, 404)),
    "in a list": ("kapa", json_answer({"user": ["ada and eve@x.example are unknown"]}, 400)),
    "in a good status": ("kadal", json_answer({"status_code": 404, "message": "ada and eve@x.example are unknown"})),
    "in a member": ("kapa", json_answer({"error": {"message": "ada and eve@x.example are unknown"}})),
    "by its type": ("kapa", json_answer({"type": "error", "content": "ada and eve@x.example are unknown"})),
    "in words": ("kapa", Reply(500, {"content-type": "text/plain"}, b"eve@x.example is unknown")),
}


@pytest.mark.parametrize("how", ERRORS)
def test_people_in_the_message_of_an_error_are_not_kept(tmp_path: Path, how: str) -> None:
    file = tmp_path / "exchanges.jsonl"
    backend, answer = ERRORS[how]
    settings: dict[str, Any] = KAPA if backend == "kapa" else {"token": "t", "chat_bot_id": "b"}

    def fail(*outcomes: Any, user: str = "ada") -> str:
        with recorded(connect(backend, CannedTransport(*outcomes), attempts=1, **settings), file) as bot:
            with pytest.raises(UnichatError) as caught:
                bot.chat("Who is eve@x.example?", user=user)
            return caught.value.message

    live = fail(answer)
    kept = file.read_text(encoding="utf-8")
    assert "Who is eve@x.example?" in kept
    assert kept.count("eve@x.example") == 1
    assert "ada" not in kept
    assert "someone-1" in kept
    shown = live.replace("eve@x.example", "someone-1")
    assert fail() == shown
    # Whoever asks first is the first person.
    assert fail(user="zed") == shown.replace("ada", "zed")


def test_a_text_that_equals_a_users_id_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "exchanges.jsonl"
    for outcomes in ([kapa_answer("yes")], []):
        with recorded(connect("kapa", CannedTransport(*outcomes), **KAPA), file) as bot:
            assert bot.chat("yes", user="yes").text == "yes"
    (line,) = lines(tmp_path)
    assert line["arguments"]["query"] == "yes"
    assert line["outcome"]["json"]["answer"] == "yes"
    assert "person-1" in json.dumps(line["arguments"])


def kapa_answer(text: str) -> Any:
    return json_answer({"answer": text, "thread_id": None, "question_answer_id": "a", "relevant_sources": []})
