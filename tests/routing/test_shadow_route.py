"""A shadow over both kinds of client: the primary answers, and the other side is asked where nobody notices."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.routing.conftest import Vendors, list_questions
from unichat import AsyncClient, Client, routing
from unichat.errors import (
    ConfigError,
    DeadlineExceeded,
    InvalidInput,
    ServerError,
    StreamInterrupted,
    ThreadMismatch,
    Unsupported,
)
from unichat.models import AnswerRef, ClearOutcome, Rating, ThreadRef


def shadow(vendors: Vendors, **settings: Any) -> Any:
    """A shadow of Kapa's, whose other side is Kadal."""
    return vendors.block(routing.shadow(vendors.clients(), **settings))


def plain(vendors: Vendors, client: Any) -> Any:
    """The client itself, where its calls were made to block."""
    return client if vendors.loop is None else client.asynchronous


def settle(vendors: Vendors, client: Any) -> None:
    """Wait until the other side was asked."""
    plain(vendors, client)._shadowing.wait(30)


def test_the_primary_answers_and_the_other_is_asked_the_same(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("from Kapa")
    vendors.kadal.answers("from Kadal")
    answer = client.chat("Hello?", user="ada")
    assert (answer.text, answer.profile) == ("from Kapa", "kapa")
    settle(vendors, client)
    assert list_questions(vendors.kadal) == ["Hello?"]
    assert vendors.kadal.calls[-1].user == "ada"
    assert client.shadow_left_out == 0


def test_a_shadow_is_a_client_of_the_kind_of_its_members(vendors: Vendors) -> None:
    client = plain(vendors, shadow(vendors))
    assert isinstance(client, Client if vendors.loop is None else AsyncClient)
    assert list(client.members) == ["kapa", "kadal"]
    assert client.member_for(user="ada") == "kapa"
    assert client.backend == "shadow"


def test_the_others_threads_follow_the_primarys(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("one").answers("two").answers("three")
    vendors.kadal.answers("eins").answers("zwei").answers("drei")
    first = client.chat("1?")
    client.continue_thread(first.thread, "2?")
    with client.stream("3?", thread=first.thread) as stream:
        assert stream.answer.text == "three"
    settle(vendors, client)
    calls = vendors.kadal.calls
    assert [call.question for call in calls] == ["1?", "2?", "3?"]
    assert calls[0].thread is None
    assert calls[1].thread == calls[2].thread is not None
    assert calls[1].thread.scope == "bot"


def test_whatever_fails_at_the_other_side_is_not_noticed(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("one").answers("two")
    vendors.kadal.fails("503")
    first = client.chat("1?")
    settle(vendors, client)
    assert client.continue_thread(first.thread, "2?").text == "two"
    settle(vendors, client)
    # It has missed a question of the thread, and is asked no more in it.
    assert list_questions(vendors.kadal) == ["1?"]
    assert client.shadow_left_out == 1


def test_the_primarys_failure_is_raised_and_the_other_is_asked_all_the_same(vendors: Vendors, tmp_path: Path) -> None:
    client = shadow(vendors, record=str(tmp_path / "shadow.jsonl"))
    vendors.kapa.fails("503")
    vendors.kadal.answers("from Kadal")
    with pytest.raises(ServerError):
        client.chat("Hello?")
    settle(vendors, client)
    (line,) = (tmp_path / "shadow.jsonl").read_text("utf-8").splitlines()
    pair = json.loads(line)
    assert pair["primary"]["text"] is None
    assert "503" in pair["primary"]["error"]
    assert pair["other"]["text"] == "from Kadal"


def test_the_callers_mistake_is_asked_of_nobody(vendors: Vendors) -> None:
    client = shadow(vendors)
    for call in (lambda: client.chat(" "), lambda: client.chat("Hello?", colour="red")):
        with pytest.raises((InvalidInput, Unsupported)):
            call()
    assert list_questions(vendors.kapa) == list_questions(vendors.kadal) == []


def test_a_record_has_a_line_for_each_pair(vendors: Vendors, tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    client = shadow(vendors, record=str(path))
    vendors.kapa.answers("from Kapa", sources=["https://a.example/1"])
    vendors.kadal.fails("503")
    client.chat("Hellö?")
    settle(vendors, client)
    vendors.kapa.answers("more")
    vendors.kadal.answers("mehr")
    client.chat("Again?")
    settle(vendors, client)
    first, second = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert first.keys() == {"at", "question", "primary", "other"}
    assert first["primary"].keys() == first["other"].keys() == {"profile", "text", "sources", "seconds", "error"}
    assert (first["question"], first["primary"]["text"]) == ("Hellö?", "from Kapa")
    assert first["primary"]["sources"][0]["url"] == "https://a.example/1"
    assert (first["other"]["profile"], first["other"]["text"]) == ("kadal", None)
    assert "503" in first["other"]["error"]
    assert (second["other"]["text"], second["other"]["error"]) == ("mehr", None)
    assert path.stat().st_mode & 0o077 == 0 or path.drive


def test_a_share_of_none_asks_the_other_nothing(vendors: Vendors) -> None:
    client = shadow(vendors, share=0)
    vendors.kapa.answers("one").answers("two")
    first = client.chat("1?")
    client.continue_thread(first.thread, "2?")
    settle(vendors, client)
    assert list_questions(vendors.kadal) == []
    assert client.shadow_left_out == 0


def test_an_older_thread_is_not_followed(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("one").answers("two")
    thread = vendors.block(vendors.client(vendors.kapa)).chat("1?").thread
    assert client.continue_thread(thread, "2?").text == "two"
    settle(vendors, client)
    assert list_questions(vendors.kadal) == []


def test_what_the_other_cannot_take_is_left_out_and_counted(vendors: Vendors) -> None:
    vendors.kadal.capabilities(question_limit=10)
    client = shadow(vendors)
    assert plain(vendors, client).capabilities.question_limit is None
    vendors.kapa.answers("one")
    client.chat("A question that is longer than that?")
    settle(vendors, client)
    assert client.shadow_left_out == 1
    assert list_questions(vendors.kadal) == []


def test_a_stream_that_is_left_is_not_followed(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.streams("one", "two").answers("three")
    with client.stream("1?") as stream:
        next(iter(stream))
    settle(vendors, client)
    assert list_questions(vendors.kadal) == []


def test_a_stream_that_breaks_is_recorded_with_its_error(vendors: Vendors, tmp_path: Path) -> None:
    client = shadow(vendors, record=str(tmp_path / "shadow.jsonl"))
    vendors.kapa.streams("one", cut=True)
    vendors.kadal.answers("eins")
    with pytest.raises(StreamInterrupted), client.stream("1?") as stream:
        list(stream)
    settle(vendors, client)
    (line,) = (tmp_path / "shadow.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["primary"]["error"]


def test_feedback_goes_to_the_primary_alone(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    answer = client.chat("1?")
    settle(vendors, client)
    client.feedback(answer, Rating.UP)
    client.feedback(str(answer.ref), "down")
    assert [call.name for call in vendors.kapa.calls] == ["chat", "feedback", "feedback"]
    assert [call.name for call in vendors.kadal.calls] == ["chat"]
    with pytest.raises(ThreadMismatch):
        client.feedback(AnswerRef("fake", "7", scope="bot"), "up")


def test_history_is_the_primarys(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    client.chat("1?")
    settle(vendors, client)
    assert [exchange.answer for exchange in client.history()] == ["one"]


def test_clearing_clears_both(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    answer = client.chat("1?", user="ada")
    settle(vendors, client)
    result = client.clear_history(answer.thread, user="ada")
    assert result.outcome is ClearOutcome.CLEARED
    assert list(result.parts) == ["kapa", "kadal"]
    result = client.clear_history(user="ada")
    assert list(result.parts) == ["kapa", "kadal"]


def test_clearing_a_thread_that_nobody_follows_says_so_in_the_others_part(vendors: Vendors) -> None:
    client = shadow(vendors, share=0)
    vendors.kapa.answers("one")
    answer = client.chat("1?", user="ada")
    result = client.clear_history(answer.thread, user="ada")
    assert result.outcome is ClearOutcome.CLEARED
    assert list(result.parts) == ["kapa", "kadal"]
    assert isinstance(result.parts["kadal"], Unsupported)
    assert str(answer.thread) in str(result.parts["kadal"])
    assert vendors.kadal.calls == []


def test_clearing_waits_for_the_other_no_longer_than_the_grace(vendors: Vendors) -> None:
    client = shadow(vendors, shadow_grace=2)
    vendors.kadal.fails("silence")
    began = vendors.kapa.clock.monotonic()
    result = client.clear_history(user="ada", deadline=30)
    assert vendors.kapa.clock.monotonic() - began == pytest.approx(2, abs=0.1)
    assert result.parts["kapa"].outcome is ClearOutcome.CLEARED
    assert isinstance(result.parts["kadal"], DeadlineExceeded)


@pytest.mark.parametrize("with_thread", [False, True])
def test_a_stream_that_is_left_early_is_left_out_and_counted(vendors: Vendors, with_thread: bool) -> None:
    client = shadow(vendors)
    thread = None
    if with_thread:
        vendors.kapa.answers("one")
        vendors.kadal.answers("eins")
        thread = client.chat("1?").thread
        settle(vendors, client)
    vendors.kapa.streams("one ", "two")
    with client.stream("2?", thread=thread) as stream:
        next(iter(stream))
    assert client.shadow_left_out == 1
    assert "2?" not in list_questions(vendors.kadal)


def test_the_primarys_failure_to_clear_is_raised(vendors: Vendors) -> None:
    client = shadow(vendors)
    vendors.kapa.fails("503")
    with pytest.raises(ServerError):
        client.clear_history(user="ada")
    assert [call.name for call in vendors.kadal.calls] == ["clear_history"]


def test_a_thread_of_the_others_is_nobodys(vendors: Vendors) -> None:
    client = shadow(vendors)
    with pytest.raises(ThreadMismatch) as caught:
        client.continue_thread(ThreadRef("fake", "thread-1", scope="bot"), "1?")
    assert "carry_over" not in str(caught.value.hint)


def test_closing_waits_for_the_other_and_refuses_new_questions(vendors: Vendors, tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    client = shadow(vendors, record=str(path))
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    client.chat("1?")
    client.close()
    client.close()
    assert len(path.read_text("utf-8").splitlines()) == 1
    with pytest.raises(InvalidInput, match="closed"):
        client.chat("2?")


def test_an_other_side_that_never_answers_is_a_warning_once(vendors: Vendors, caplog: pytest.LogCaptureFixture) -> None:
    client = shadow(vendors)
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            vendors.kapa.answers("one")
            vendors.kadal.fails("503")
            client.chat(f"{number}?")
            settle(vendors, client)
        client.close()
    warnings = [record.getMessage() for record in caplog.records if "the other side" in record.getMessage()]
    assert len(warnings) == 1
    assert "kadal" in warnings[0]


def test_an_other_side_that_was_never_asked_is_a_warning_at_the_end(
    vendors: Vendors, caplog: pytest.LogCaptureFixture
) -> None:
    vendors.kadal.capabilities(needs_user=True)
    client = shadow(vendors)
    vendors.kapa.answers("one")
    client.chat("1?")
    with caplog.at_level(logging.WARNING):
        client.close()
    assert "has answered nothing" in caplog.text


def test_other_policy_shares_the_shadow(vendors: Vendors) -> None:
    client = plain(vendors, shadow(vendors))
    sibling = vendors.block(client.with_policy(attempts=2))
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    sibling.chat("1?")
    client._shadowing.wait(30)
    assert list_questions(vendors.kadal) == ["1?"]


def test_a_shadow_in_a_fallback_is_a_member_as_any_other(vendors: Vendors) -> None:
    members = vendors.clients()
    inner = routing.shadow(members)
    route = vendors.fallback({"trial": inner})
    vendors.kapa.answers("one")
    vendors.kadal.answers("eins")
    assert route.chat("1?").profile == "kapa"
    inner._shadowing.wait(30)
    assert list_questions(vendors.kadal) == ["1?"]


@pytest.mark.parametrize("settings", [
    {"share": 2}, {"share": -0.1}, {"share": "all"}, {"shadow_concurrency": 0}, {"shadow_grace": -1}, {"record": ""},
    {"record": 7}, {"record": b"shadow.jsonl"}, {"deadline": 0},
])  # fmt: skip
def test_bad_settings_are_a_config_error(vendors: Vendors, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        routing.shadow(vendors.clients(), **settings)


@pytest.mark.parametrize("names", [["kapa"], ["kapa", "kadal", "third"]])
def test_a_shadow_has_two_members(vendors: Vendors, names: list[str]) -> None:
    with pytest.raises(ConfigError, match="two members"):
        routing.shadow({name: vendors.client(vendors.kapa) for name in names})
