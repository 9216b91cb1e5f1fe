"""What a call logs: a line for each wait, and one for the error that ends it."""

from tests.canned import bench, operation, reply
from unichat.adapter import Replay


def test_each_call_has_an_id_that_is_in_its_log_lines(caplog):
    caplog.set_level("INFO", "unichat")
    made = bench(reply(503, {}), reply(503, {}), reply(503, {}))
    error = made.error(operation(Replay.ASK))
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert all(f"[{error.call.call_id}]" in line for line in lines)
    assert lines[0].startswith(f"echo look [{error.call.call_id}]: attempt 1: HTTP 503; waiting 0.")
    assert "3 attempts" in lines[2]


def test_a_success_at_once_logs_nothing(caplog):
    caplog.set_level("INFO", "unichat")
    bench(reply(200, 1)).run(operation())
    assert caplog.records == []
