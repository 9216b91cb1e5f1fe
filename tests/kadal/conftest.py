"""Shared by the tests of the Kadal adapter: the reference's samples, a mocked vendor, and a minimal Kadal."""

import json
from pathlib import Path

import pytest
import responses

from tests.behaviour.doubles import FakeClock, StubTransport, connect_client, read_body, read_query, reply

SAMPLES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("samples/*")}
"""Every response that Kadal's reference prints, by the operation's name."""


@pytest.fixture
def vendor():
    """Kadal, mocked: an unexpected request fails the test, and so does an expected one that is not sent."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def kadal(clock):
    with connect_client("kadal", clock) as client:
        yield client


class MiniKadal:
    """One conversation per user reference, as Kadal keeps it: enough to see where a question ends up.

    `rows` has a tuple of reference, conversation, question for each answer, in the order of their ids from 1.
    """

    def __init__(self):
        self.rows = []
        self.transport = StubTransport(self.answer)

    @property
    def sent(self):
        return self.transport.sent

    @property
    def asked(self):
        """The questions sent: user reference, `continue_last_chat`, message."""
        return [
            (
                read_query(each).get("ext_user_id_ref"),
                read_query(each)["continue_last_chat"],
                read_body(each)["message"],
            )
            for each in self.sent
            if "/v2/" in each.path
        ]

    def say(self, reference, question, *, fresh=True):
        """Let somebody else ask, over another client."""
        self._keep(reference, question, not fresh)

    def _keep(self, reference, question, continues):
        last = [conversation for owner, conversation, _ in self.rows if owner == reference]
        number = len(self.rows) + 1
        self.rows.append((reference, last[-1] if continues and last else number, question))
        return number

    def answer(self, request):
        query = read_query(request)
        reference = query.get("ext_user_id_ref")
        if "/v2/" in request.path:
            number = self._keep(reference, read_body(request)["message"], query["continue_last_chat"] == "true")
            return reply({"status_code": 200, "message_id": number, "message": f"answer {number}"})
        if request.path.endswith("/v1/"):
            found = [
                {"user_query": question, "bot_response": f"answer {number}", "bot_response_id": number}
                for number, (owner, _, question) in enumerate(self.rows, 1)
                if owner == reference
            ]
            found = found[::-1] if query["order"] == "desc" else found
            page, size = int(query["page_no"]), int(query["page_size"])
            return reply({"status_code": 200, "data": found[(page - 1) * size : page * size]})
        if request.path.endswith("/v7/"):
            # Filtered by Kadal's own id of the user, which is none that a client could know.
            wanted = (read_body(request) or {}).get("created_by")
            hist = [
                {"user_query": question, "bot_response": f"answer {number}", "query_response_id": str(number)}
                for number, (_, _, question) in enumerate(self.rows, 1)
                if wanted is None
            ]
            hist = hist[::-1] if query["order"] == "desc" else hist
            return reply({"status_code": 200 if hist else 404, "data": {"chat_hist": hist}})
        if "clearhistory" in request.path:
            return reply({"status_code": 200, "message": "Deleted previous conversations."})
        return reply({"id": 7, **read_body(request)})


@pytest.fixture
def mini():
    return MiniKadal()
