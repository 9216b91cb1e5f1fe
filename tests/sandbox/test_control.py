"""The control of a sandbox from another process."""

from __future__ import annotations

import json
import os

import pytest
import requests

import unichat.sandbox
from unichat.sandbox import SandboxError


@pytest.fixture
def control(tmp_path):
    """A sandbox, and a function that sends it a command with its secret, or another."""
    path = tmp_path / "new" / "control.json"
    with unichat.sandbox.start(control=path) as box:
        found = json.loads(path.read_text(encoding="utf-8"))

        def send(action, body, secret=found["secret"], method="POST"):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            return requests.request(method, f"{found['url']}/{action}", data=data, headers=headers, timeout=10)

        yield box, send, path
    assert not path.exists()


def test_the_control_file_is_for_its_owner_and_its_address_is_on_loopback(control):
    _, _, path = control
    assert json.loads(path.read_text(encoding="utf-8"))["url"].startswith("http://127.0.0.1:")
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("secret", [None, "", "wrong", "\xe9"])
def test_nothing_is_done_without_the_secret(control, secret):
    box, send, _ = control
    answer = send("fail", {"backend": "kapa", "fault": "503"}, secret)
    assert answer.status_code == 401
    assert box.simulator("kapa").faults.describe() == []


def test_a_fault_a_quirk_and_the_requests(control):
    box, send, _ = control
    assert send("fail", {"backend": "kapa", "fault": "503", "times": None}).json() == [{"fault": "503", "times": None}]
    assert send("fail", {"backend": "kapa"}).json() == [{"fault": "503", "times": None}]
    assert send("fail", {"backend": "kapa", "clear": True}).json() == []
    assert send("quirks", {}).json()["kadal"]["message_in"] == "body"
    assert send("quirk", {"backend": "kadal", "name": "message_in", "value": "query"}).status_code == 200
    assert box.simulator("kadal").quirks.message_in == "query"
    with unichat.connect("kapa", **box.settings("kapa")) as client:
        client.chat("What is a thread?")
    (seen,) = send("requests", {"backend": "kapa"}).json()
    assert (seen["backend"], seen["method"]) == ("kapa", "POST")
    assert json.loads(seen["body"])["query"] == "What is a thread?"
    assert seen["headers"]["x-api-key"] == "***"
    assert box.settings("kapa")["api_key"] not in json.dumps(seen)
    assert send("requests", {}).json() == [seen]


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("fail", {"backend": "kapa", "fault": "no_such"}, 400),
        ("fail", {"backend": "kappa", "fault": "503"}, 400),
        ("fail", {}, 400),
        ("fail", {"backend": ["kapa"], "fault": "503"}, 400),
        ("fail", [], 400),
        ("fail", b"{", 400),
        ("quirk", {"backend": "kapa", "name": "x", "value": 1}, 400),
        ("other", {}, 404),
    ],
)
def test_a_command_that_cannot_be_done_says_why(control, action, body, status):
    _, send, _ = control
    answer = send(action, body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_only_a_post_is_a_command(control):
    _, send, _ = control
    assert send("requests", {}, method="GET").status_code == 404


def test_a_file_of_another_sandbox_stays(tmp_path):
    path = tmp_path / "control.json"
    with unichat.sandbox.start(control=path):
        with unichat.sandbox.start(control=path) as second:
            assert second
            newest = path.read_text(encoding="utf-8")
            path.write_text(newest + " ", encoding="utf-8")
        assert path.exists()
    assert path.exists()


def test_a_control_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SandboxError, match=r"the control file .* cannot be written"):
        unichat.sandbox.start(control=tmp_path / "file" / "control.json")
