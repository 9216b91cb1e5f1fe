"""Both vendors, simulated, and clients whose answers a test can change before they are read."""

import json

import pytest

import unichat
import unichat.sandbox
from unichat.adapter import Reply
from unichat.transport.requests.transport import RequestsTransport

MANUAL = "# Gizmo\n\nGizmo is a small machine that brews tea.\n\n## Descaling\n\nDescale it every month.\n"
QUESTION = "How often should I descale the Gizmo?"


@pytest.fixture(scope="session")
def manual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual")
    (folder / "gizmo.md").write_text(MANUAL, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def box(manual):
    """Both vendors, shared by the tests of a module. Nobody has asked anything."""
    with unichat.sandbox.start(docs=manual) as box:
        yield box


class ChangingTransport(RequestsTransport):
    """Sends over HTTP, and changes the answers as a test says.

    Attributes:
        change: takes the request's target and the answer, and returns another answer.
        targets: what was requested, in order.
    """

    def __init__(self, base_url, change):
        super().__init__(base_url)
        self.change, self.targets = change, []

    def send(self, request, deadline, *, limit):
        self.targets.append(f"{request.method} {request.url}")
        return self.change(request.url, super().send(request, deadline, limit=limit))


@pytest.fixture
def connect(box):
    """Connect to a simulated vendor; `change` changes its answers. The client is closed after the test."""
    clients = []

    def open_client(backend, change=lambda url, reply: reply, **settings):
        given = {**box.settings(backend), "attempts": 1, **settings}
        client = unichat.connect(backend, transport=ChangingTransport(given["base_url"], change), **given)
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.close()


def edit(part, change):
    """Return a change of the JSON of answers to requests whose URL has this part."""

    def change_reply(url, reply):
        if part not in url or not isinstance(reply, Reply):
            return reply
        body = json.loads(reply.body)
        return Reply(reply.status, reply.headers, json.dumps(change(body)).encode())

    return change_reply


def answer(part, status=200, body=b"{}", kind="application/json", **headers):
    """Return a change that gives requests whose URL has this part another answer altogether."""
    named = {"content-type": kind, **headers}
    return lambda url, reply: Reply(status, named, body) if part in url else reply
