"""Failures: each is an error of unichat's, asks nothing twice, and shows no secret."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
from typing import Any

import pytest

from unichat.adapter import Secret
from unichat.errors import (
    AccessDenied,
    ConnectionFailed,
    DeadlineExceeded,
    InsufficientTokens,
    InvalidResponse,
    RateLimited,
    ServerError,
    UnichatError,
)
from unichat.testing.blocking import BlockingClient
from unichat.testing.conformance.base import (
    OTHER_QUESTION,
    QUESTION,
    ConformanceCase,
    Connect,
    need,
    read_history,
    read_secrets,
    record_requests,
    with_fault,
)
from unichat.testing.faults import FAULTS

_FAILING = sorted(name for name, fault in FAULTS.items() if not fault.is_harmless)
_KINDS: dict[str, type[UnichatError]] = {
    "401": AccessDenied, "429": RateLimited, "quota": RateLimited, "500": ServerError, "502": ServerError,
    "503": ServerError, "504": ServerError, "507": InsufficientTokens, "dns": ConnectionFailed,
    "refused": ConnectionFailed, "connect_timeout": ConnectionFailed, "tls": ConnectionFailed,
    "certificate": ConnectionFailed, "reset_after_send": ConnectionFailed, "close_after_send": ConnectionFailed,
    "silence": DeadlineExceeded, "html": InvalidResponse, "half_json": InvalidResponse, "not_http": InvalidResponse,
}  # fmt: skip


class Failures(ConformanceCase):
    """What becomes of a call when the vendor, or the network before it, fails."""

    @pytest.mark.parametrize("fault", _FAILING)
    def test_chat_fails_with_an_error_of_unichats(self, open_client: Connect, user: str | None, fault: str) -> None:
        bot = with_fault(open_client(attempts=1), fault)
        with pytest.raises(UnichatError) as caught:
            bot.chat(QUESTION, user=user)
        assert isinstance(caught.value, _KINDS.get(fault, UnichatError))
        assert caught.value.backend == bot.backend
        assert caught.value.operation

    @pytest.mark.parametrize("fault", ["500", "reset_after_send", "html"])
    def test_feedback_fails_with_an_error_of_unichats(self, open_client: Connect, user: str | None, fault: str) -> None:
        client = open_client(attempts=1)
        need(client, "feedback")
        answer = client.chat(QUESTION, user=user)
        with pytest.raises(UnichatError):
            with_fault(client, fault).feedback(answer, "up", user=user)

    @pytest.mark.parametrize("fault", ["500", "reset_after_send", "html"])
    def test_history_fails_with_an_error_of_unichats(self, open_client: Connect, user: str | None, fault: str) -> None:
        client = open_client(attempts=1)
        need(client, "history", "history_by_user")
        client.chat(QUESTION, user=user)
        with pytest.raises(UnichatError):
            read_history(with_fault(client, fault), user=user)

    @pytest.mark.parametrize("fault", ["401", "500", "reset_after_send", "html"])
    def test_clear_history_fails_with_an_error_of_unichats(
        self, open_client: Connect, user: str | None, fault: str
    ) -> None:
        client = open_client(attempts=1)
        need(client, "clear_history")
        answer = client.chat(QUESTION, user=user)
        if answer.thread is None or not clearing_sends(client, answer):
            pytest.skip("clearing sends nothing")
        again = client.chat(OTHER_QUESTION, user=user)
        with pytest.raises(UnichatError):
            with_fault(client, fault).clear_history(again.thread)

    def test_chat_is_tried_again_where_that_is_harmless(self, open_client: Connect, user: str | None) -> None:
        answer = with_fault(open_client(backoff=0.001), "503_once").chat(QUESTION, user=user)
        assert [attempt.outcome for attempt in answer.call.attempts][-2:] == ["HTTP 503", "ok"]

    def test_chat_that_may_have_been_received_is_not_asked_twice(self, open_client: Connect, user: str | None) -> None:
        bot, sent = record_requests(with_fault(open_client(backoff=0.001), "reset_after_send"))
        with pytest.raises(ConnectionFailed) as caught:
            bot.chat(QUESTION, user=user)
        assert caught.value.maybe_delivered
        assert len({request.body for request in sent}) == len(sent)

    def test_errors_show_no_secret(
        self, open_client: Connect, user: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = open_client(attempts=1)
        secrets = read_secrets(client)
        with caplog.at_level(logging.DEBUG):
            for fault in ("401", "500", "html", "reset_after_send"):
                with pytest.raises(UnichatError) as caught:
                    with_fault(client, fault).chat(QUESTION, user=user)
                shown = (
                    "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
                )
                assert not [secret for secret in secrets if secret in shown]
        assert not [secret for secret in secrets if secret in caplog.text]

    def test_errors_can_be_pickled_and_copied(self, open_client: Connect, user: str | None) -> None:
        with pytest.raises(UnichatError) as caught:
            with_fault(open_client(attempts=1), "500").chat(QUESTION, user=user)
        for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):  # noqa: S301 - its own
            assert (type(again), str(again)) == (type(caught.value), str(caught.value))

    def test_a_wrong_key_is_access_denied_and_is_not_shown(self, open_client: Connect, user: str | None) -> None:
        client = open_client()
        inner: Any = client.asynchronous if isinstance(client, BlockingClient) else client
        names = [name for name, value in _items(inner._settings) if isinstance(value, Secret)]
        if not names:
            pytest.skip("the vendor needs no key")
        with pytest.raises(AccessDenied) as caught:
            open_client(**dict.fromkeys(names, "wrong-key-0123456789")).chat(QUESTION, user=user)
        assert "wrong-key-0123456789" not in str(caught.value)

    def test_a_failure_leaves_the_client_usable(self, open_client: Connect, user: str | None) -> None:
        client = open_client(attempts=1)
        for fault in ("503", "reset_after_send", "html"):
            with pytest.raises(UnichatError):
                with_fault(client, fault).chat(QUESTION, user=user)
        assert client.chat(OTHER_QUESTION, user=user).text is not None

    def test_probes_succeed_with_good_settings_and_fail_with_a_vendor_that_is_down(self, open_client: Connect) -> None:
        client = open_client(attempts=1)
        probes = client.probes()
        if not probes:
            pytest.skip("the adapter has no probes")
        for probe in probes:
            client.run(probe)
            with pytest.raises(UnichatError):
                with_fault(client, "500").run(probe)


def clearing_sends(client: Any, answer: Any) -> bool:
    """Return whether clearing sends anything."""
    bot, sent = record_requests(client)
    bot.clear_history(answer.thread)
    return bool(sent)


def _items(settings: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(settings, name)) for name in dir(settings) if not name.startswith("_")]
