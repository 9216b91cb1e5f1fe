"""What a client's calls share: once it is closed, no call sends anything."""

import threading

from tests.canned import bench, operation, reply
from tests.execution.conftest import SOON, join_thread, start_thread
from unichat.adapter import Replay
from unichat.errors import InvalidInput


def test_a_closed_client_sends_nothing_and_closing_twice_is_fine():
    made = bench()
    made.client.close()
    made.client.close()
    error = made.error(operation())
    assert type(error) is InvalidInput
    assert "the client is closed" in str(error)
    assert made.sent == []
    assert made.transport.closed >= 1


def close_while_waiting(operation):
    waiting = threading.Event()

    def fail(_):
        waiting.set()
        return reply(500, {}, retry_after="50")

    made = bench(fail, real_clock=True)
    thread = start_thread(made.run, operation, 100.0)
    assert waiting.wait(SOON)
    made.client.close()
    return made, join_thread(thread)


def test_closing_ends_a_wait_between_attempts_at_once():
    made, outcome = close_while_waiting(operation())
    assert type(outcome) is InvalidInput
    assert len(made.sent) == 1


def test_closing_does_not_make_a_question_unasked():
    _, outcome = close_while_waiting(operation(Replay.ASK))
    assert outcome.maybe_delivered is not False


def test_a_wait_that_nobody_disturbs_is_waited_and_the_request_sent_again():
    made = bench(reply(401, {}), reply(200, "fine"), source=lambda: "token", real_clock=True)
    assert made.run(operation()) == "fine"
