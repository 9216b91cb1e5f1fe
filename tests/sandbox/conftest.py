"""A manual to answer from, boxes that serve it, and plain HTTP clients to ask with."""

import json

import pytest
import requests

import unichat.sandbox
from unichat_kadal.simulator import KadalQuirks, KadalSimulator
from unichat_kapa.simulator import KapaQuirks, KapaSimulator

MANUAL = {
    "guide.md": """\
# Guide

Gizmo is a small machine that brews tea.

## Retries

Retries are configured with the option `attempts`. The backoff grows exponentially.

```python
gizmo = Gizmo(attempts=3)
# not a heading

gizmo.brew()
```

## Descaling

Descale the boiler with vinegar every month.
""",
    "reference/errors.md": """\
# Errors

## OverheatError

Raised when the boiler is too hot. Let it cool down for ten minutes.
""",
    "internal/prices.md": """\
# Price list

The wholesale discount is 30 percent.
""",
}
SIMULATORS = (KapaSimulator, KadalSimulator)


@pytest.fixture(scope="session")
def manual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual")
    for name, text in MANUAL.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def start(manual):
    """Start boxes that are closed after the test."""
    boxes = []

    def start_box(**options):
        box = unichat.sandbox.start(**{"docs": manual, "simulators": SIMULATORS, **options})
        boxes.append(box)
        return box

    yield start_box
    for box in boxes:
        box.close()


@pytest.fixture(scope="module")
def shared_box(manual):
    with unichat.sandbox.start(docs=manual, simulators=SIMULATORS) as box:
        yield box


class Kapa:
    """Kapa over HTTP: paths below the project, or from the root if they begin with a slash."""

    def __init__(self, simulator, project=None):
        self.simulator = simulator
        self.project = project or simulator.project
        self.session = requests.Session()
        self.session.headers["X-API-KEY"] = self.project.api_key

    def send(self, method, path, **options):
        if not path.startswith("/"):
            path = f"/query/v1/projects/{self.project.id}/{path}"
        return self.session.request(method, self.simulator.base_url + path, allow_redirects=False, **options)

    def get(self, path, **params):
        return self.send("GET", path, params=params)

    def post(self, path, **body):
        return self.send("POST", path, json=body)

    def chat(self, query, thread=None, **body):
        response = self.post(f"/query/v1/threads/{thread}/chat/" if thread else "chat/", query=query, **body)
        assert response.status_code == 200, response.text
        return response.json()

    def rate(self, answer_id, reaction="upvote", user_identifier="someone", **body):
        return self.post(
            "/query/v1/feedback/upsert/",
            question_answer=answer_id,
            reaction=reaction,
            user_identifier=user_identifier,
            **body,
        )

    def stream(self, path, **body):
        response = self.post(path, **body)
        assert response.status_code == 200, response.text
        *records, rest = response.content.split(b"\xe2\x90\x9e")
        assert rest == b""
        return [json.loads(record)["chunk"] for record in records]


class Kadal:
    """Kadal over HTTP: paths below the chat API, or from the root if they begin with a slash."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.bot = simulator.chat_bot_id
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {simulator.settings()['token']}"

    def send(self, method, path, **options):
        if not path.startswith("/"):
            path = f"/aiwb/chat/api/{path}"
        return self.session.request(method, self.simulator.base_url + path, allow_redirects=False, **options)

    def ask(self, message, bot=None, **params):
        return self.send("POST", f"v2/{bot or self.bot}", params=params, json={"message": message})

    def answer(self, message, bot=None, **params):
        response = self.ask(message, bot, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def list(self, **params):
        return self.send("GET", "v1/", params={"chat_bot_id": self.bot, "page_no": 1, "page_size": 10, **params})

    def questions(self, **params):
        return [row["user_query"] for row in self.list(**params).json()["data"]]

    def list_v7(self, body=None, **params):
        return self.send("POST", "v7/", params={"chat_bot_id": self.bot, **params}, json={} if body is None else body)

    def clear(self, **params):
        return self.send("POST", f"v1/clearhistory/{self.bot}", params=params)

    def rate(self, number, is_positive=True, rating_id=1, **body):
        body = {"bot_response_id": number, "is_positive": is_positive, "rating_id": rating_id, **body}
        return self.send("POST", "v1/feedbacks/", json=body)


def _fresh(client, quirks):
    client.simulator.quirks = quirks
    client.simulator.requests.clear()
    yield client
    client.simulator.quirks = quirks
    client.session.close()


@pytest.fixture
def kapa(shared_box):
    """Kapa with default quirks; what other tests of the module asked is there."""
    yield from _fresh(Kapa(shared_box.simulator("kapa")), KapaQuirks())


@pytest.fixture
def kadal(shared_box):
    """Kadal with default quirks; what other tests of the module asked is there."""
    yield from _fresh(Kadal(shared_box.simulator("kadal")), KadalQuirks())


@pytest.fixture
def new_kapa(start):
    """Kapa without any questions so far."""
    yield from _fresh(Kapa(start().simulator("kapa")), KapaQuirks())


@pytest.fixture
def new_kadal(start):
    """Kadal without any questions so far."""
    yield from _fresh(Kadal(start().simulator("kadal")), KadalQuirks())
