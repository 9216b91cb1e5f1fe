import errno
import logging
import os
import socket
import sqlite3
import sys
import threading
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import requests
from starlette.responses import PlainTextResponse

import unichat.sandbox
from unichat.config.plugins import SIMULATORS
from unichat.sandbox import PortError, SandboxError, Simulator
from unichat.sandbox import sandbox as sandbox_module
from unichat.sandbox.documents import default_folder, read_documents
from unichat_kadal.simulator import KadalQuirks, KadalSimulator
from unichat_kapa.simulator import KapaQuirks, KapaSimulator

from .conftest import Kadal, Kapa


class Third(Simulator):
    """A third party's simulator."""

    name = "third"

    def app(self):
        async def app(scope, receive, send):
            if scope["path"] == "/broken":
                raise RuntimeError("a bug of the simulator")
            await PlainTextResponse("hello")(scope, receive, send)

        return app

    def settings(self):
        return {"base_url": self.base_url}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_every_backend_has_settings_that_reach_it(start):
    box = start()
    assert box.backends == ("kadal", "kapa")
    kapa, kadal = box.settings("kapa"), box.settings("kadal")
    assert set(kapa) == {"base_url", "api_key", "project_id", "integration_id"}
    assert set(kadal) == {"base_url", "token", "chat_bot_id", "rating_ids"}
    assert kadal["rating_ids"] == {"up": 1, "down": 2}
    for settings in (kapa, kadal):
        assert settings["base_url"].startswith("http://127.0.0.1:")
        assert settings["base_url"].count("/") == 2


def test_an_unknown_backend_is_an_error_that_names_the_known_ones(start):
    with pytest.raises(SandboxError, match="kadal, kapa"):
        start().settings("acme")


def test_the_config_to_paste_has_the_settings_of_every_backend(start):
    box = start()
    config = tomllib.loads(box.config_toml())
    assert config["default"] == "kadal"
    assert config["profiles"] == {name: {"backend": name, **box.settings(name)} for name in box.backends}
    assert tomllib.loads(box.config_toml(default="kapa"))["default"] == "kapa"


def test_closing_cuts_open_streams_and_leaves_no_thread_and_no_port(start):
    before = set(threading.enumerate())
    box = start()
    simulator = box.simulator("kapa")
    simulator.quirks = KapaQuirks(seconds_between_records=60)
    client = Kapa(simulator)
    url = f"{simulator.base_url}/query/v1/projects/{client.project.id}/chat/stream/"
    with client.session, client.session.post(url, json={"query": "retries"}, stream=True) as response:
        assert response.status_code == 200
        # The stream would last for minutes: that this returns at all shows that it was cut.
        box.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(requests.ConnectionError):
        requests.get(simulator.base_url, timeout=5)


def test_a_sandbox_can_be_closed_twice(start):
    box = start()
    box.close()
    box.close()


def test_a_sandbox_closes_at_the_end_of_its_with_block(manual):
    with unichat.sandbox.start(docs=manual, simulators=[Third]) as box:
        url = box.settings("third")["base_url"]
        assert requests.get(url, timeout=5).text == "hello"
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_ports_can_be_chosen_by_name_or_as_the_first_of_a_row(start):
    chosen = free_port()
    box = start(ports={"kapa": chosen})
    assert box.settings("kapa")["base_url"] == f"http://127.0.0.1:{chosen}"
    box.close()
    box = start(ports=chosen, simulators=[KapaSimulator])
    assert box.settings("kapa")["base_url"] == f"http://127.0.0.1:{chosen}"
    box.close()
    assert start(ports=0).backends == ("kadal", "kapa")


def test_consecutive_ports_are_given_out_in_the_order_of_the_names():
    assert [sandbox_module._choose_port(8100, place, name) for place, name in enumerate(("kadal", "kapa"))] == [
        8100,
        8101,
    ]


def test_a_port_that_is_taken_is_named(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"port {port} for kapa is taken") as caught:
            start(ports={"kapa": port})
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, SandboxError)
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_named(start, port):
    with pytest.raises(PortError, match="between 0 and 65535"):
        start(ports={"kapa": port})


def test_a_port_that_may_not_be_used_says_why(start, monkeypatch):
    def refuse(self, address):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(PortError, match=r"cannot be used \(Permission denied\)"):
        start(ports={"kapa": 80})


def test_a_port_for_an_unknown_backend_is_an_error(start):
    with pytest.raises(SandboxError, match="no simulator of 'acme'"):
        start(ports={"acme": 8000})


def test_simulators_are_found_through_entry_points(manual, monkeypatch):
    entries = [
        EntryPoint("kapa", "unichat_kapa.simulator:KapaSimulator", "unichat.simulators"),
        EntryPoint("kapa", "nowhere:Twice", "unichat.simulators"),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries if group == SIMULATORS else [])
    with unichat.sandbox.start(docs=manual) as box:
        assert box.backends == ("kapa",)


def test_a_simulator_that_cannot_be_imported_is_named(monkeypatch):
    broken = EntryPoint("acme", "unichat_acme_missing:Simulator", "unichat.simulators")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [broken])
    with pytest.raises(SandboxError, match="the simulator of acme"):
        unichat.sandbox.start()


def test_without_simulators_the_error_says_what_to_install(start):
    with pytest.raises(SandboxError, match="pip install"):
        start(simulators=[])


def test_an_exception_in_a_simulator_is_a_500_and_logged(start, caplog):
    box = start(simulators=[Third])
    with caplog.at_level(logging.ERROR, logger="unichat.sandbox"):
        assert requests.get(box.settings("third")["base_url"] + "/broken", timeout=5).status_code == 500
    assert "the simulator of third failed at GET /broken" in caplog.text
    assert "a bug of the simulator" in caplog.text


def test_servers_that_do_not_start_are_an_error(start, monkeypatch):
    monkeypatch.setattr("unichat.sandbox.servers._START_SECONDS", 0)
    monkeypatch.setattr("threading.Event.wait", lambda self, timeout=None: False)
    servers = unichat.sandbox.servers.Servers({})
    servers.stop()
    with pytest.raises(SandboxError, match="did not start"):
        servers.start()
    servers.stop()


# Documents


def test_a_missing_docs_folder_says_so(start, tmp_path):
    with pytest.raises(SandboxError, match="is not a folder"):
        start(docs=tmp_path / "missing")


def test_a_docs_folder_without_markdown_says_so(start, tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "empty.md").write_text(" \n")
    with pytest.raises(SandboxError, match=r"no Markdown file \(\*\.md\)"):
        start(docs=tmp_path)


def test_a_docs_folder_that_cannot_be_read_says_so(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(SandboxError, match="Permission denied"):
        read_documents(tmp_path)


def test_a_docs_folder_that_cannot_be_looked_at_says_so(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.is_dir", refuse)
    with pytest.raises(SandboxError, match=r"cannot read .*Permission denied"):
        read_documents(tmp_path)


def test_documents_are_read_from_subfolders_but_not_from_hidden_ones(tmp_path):
    for name in ("b.md", "sub/a.md", ".git/x.md", "_build/y.md", "sub/z.rst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"---\ntitle: x\n---\n# T\r\ntext \xff\0")
    documents = read_documents(tmp_path)
    assert [document.name for document in documents] == ["b.md", "sub/a.md"]
    assert documents[0].text == "# T\ntext \ufffd\ufffd"


def test_default_docs_of_an_installation_are_the_package_data(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Index")
    monkeypatch.setattr("importlib.resources.files", {"unichat.sandbox": tmp_path}.__getitem__)
    assert [document.name for document in read_documents()] == ["index.md"]


def test_default_docs_of_a_checkout_are_its_docs_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.resources.files", {"unichat.sandbox": tmp_path}.__getitem__)
    assert default_folder() == Path(unichat.__file__).parents[1] / "docs"


def test_a_source_opens_as_a_page_with_its_heading(kapa):
    (source,) = kapa.chat("How do I descale the boiler?")["relevant_sources"]
    url, anchor = source["source_url"].split("#")
    page = requests.get(url, timeout=5)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f'<h2 id="{anchor}">Descaling</h2>' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_page_without_a_document_is_not_found(kapa):
    assert kapa.get("/docs/missing.md").status_code == 404
    assert kapa.get("/docs/../setup.py").status_code == 404


# State


def test_state_in_a_file_survives_a_restart_keys_included(start, tmp_path):
    state = tmp_path / "sandbox.sqlite"
    box = start(state=state)
    before = {name: {**box.settings(name), "base_url": ""} for name in box.backends}
    kapa, kadal = Kapa(box.simulator("kapa")), Kadal(box.simulator("kadal"))
    asked = kapa.chat("How are retries configured?", user={"email": "a@example.org"})
    kapa.rate(asked["question_answer_id"], "downvote")
    kadal.answer("How are retries configured?", ext_user_id_ref="ann")
    kapa.session.close()
    kadal.session.close()
    box.close()

    box = start(state=state)
    assert {name: {**box.settings(name), "base_url": ""} for name in box.backends} == before
    kapa, kadal = Kapa(box.simulator("kapa")), Kadal(box.simulator("kadal"))
    with kapa.session, kadal.session:
        (answer,) = kapa.get(f"/query/v1/threads/{asked['thread_id']}/").json()["question_answers"]
        assert answer["question"] == "How are retries configured?"
        assert answer["feedback"][0]["reaction"] == "downvote"
        assert kapa.simulator.base_url in answer["relevant_sources"]
        assert kapa.get("end-users/").json()["results"][0]["email"] == "a@example.org"
        assert not kapa.chat("And how do I change that?", asked["thread_id"])["is_uncertain"]
        assert kadal.questions(ext_user_id_ref="ann") == ["How are retries configured?"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_new_state_file_and_its_companions_are_readable_by_their_owner_only(start, tmp_path):
    path = tmp_path / "state.sqlite3"
    before = os.umask(0o022)
    try:
        start(state=path)
    finally:
        os.umask(before)
    assert {each.name: each.stat().st_mode & 0o777 for each in tmp_path.glob("state.sqlite3*")} == dict.fromkeys(
        ("state.sqlite3", "state.sqlite3-wal", "state.sqlite3-shm"), 0o600
    )


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_mode_of_an_existing_state_file_is_kept(start, tmp_path):
    path = tmp_path / "state.sqlite3"
    path.touch(0o640)
    path.chmod(0o640)
    start(state=path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_two_sandboxes_in_memory_share_nothing(start):
    first, second = start(), start()
    assert first.settings("kapa")["api_key"] != second.settings("kapa")["api_key"]
    assert first.settings("kadal")["token"] != second.settings("kadal")["token"]


def test_a_state_file_in_a_missing_folder_says_so(start, tmp_path):
    with pytest.raises(SandboxError, match="cannot open"):
        start(state=tmp_path / "missing" / "state.sqlite")


def test_a_state_file_that_is_not_a_database_says_so(start, tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, and long enough to have a header of one hundred bytes" * 9)
    with pytest.raises(SandboxError, match="not a database"):
        start(state=tmp_path / "notes.txt")


@pytest.mark.parametrize(("pragma", "said"), [("application_id = 7", "another program's"), ("user_version = 99", "99")])
def test_a_state_file_of_another_program_is_left_alone(start, tmp_path, pragma, said):
    state = tmp_path / "state.sqlite"
    start(state=state).close()
    database = sqlite3.connect(state)
    database.execute(f"PRAGMA {pragma}")
    database.close()
    with pytest.raises(SandboxError, match=said):
        start(state=state)


def test_a_failed_transaction_keeps_nothing(start):
    store = start().simulator("kapa").store

    def write_half():
        with store.transaction():
            store.run("INSERT INTO kept (name, value) VALUES ('x', 'y')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert store.row("SELECT 1 FROM kept WHERE name = 'x'") is None
    assert store.number("SELECT 1 FROM kept WHERE name = 'x'") == 0


# Requests seen


def test_requests_are_recorded_as_sent_without_their_secrets(kapa, kadal):
    key = kapa.project.api_key
    kapa.send("POST", "chat/?a=%2F&b", json={"query": "x", "metadata": {"copied": key}}, headers={"X-Note": key})
    seen = kapa.simulator.requests[-1]
    assert (seen.method, seen.query) == ("POST", "a=%2F&b")
    assert seen.path == f"/query/v1/projects/{kapa.project.id}/chat/"
    assert seen.header("X-API-KEY") == "***"
    assert seen.header("x-note") == "***"
    assert seen.header("x-missing") is None
    assert seen.body == b'{"query": "x", "metadata": {"copied": "***"}}'
    kadal.answer("hello")
    assert kadal.simulator.requests[-1].header("authorization") == "Bearer ***"


def test_a_client_secret_is_hidden_even_if_the_sandbox_did_not_issue_it(kadal):
    kadal.send("POST", "/auth/api/v1/oauth/connect/token", data={"client_secret": "real", "client_id": "me"})
    assert kadal.simulator.requests[-1].body == b"client_secret=***&client_id=me"
    kadal.send("POST", "v7/", json={"client_secret": "real"})
    assert kadal.simulator.requests[-1].body == b'{"client_secret": "***"}'


def test_requests_for_pages_of_the_docs_are_not_recorded(kapa):
    kapa.get("/docs/guide.md")
    assert not kapa.simulator.requests


def test_an_enormous_body_is_refused(kapa):
    response = kapa.send("POST", "chat/", data=b" " * 5_000_001)
    assert response.status_code == 413


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("unichat.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'unichat-bridge\[sandbox\]'"):
        __import__("unichat.sandbox")


def test_each_simulator_can_be_started_alone(start):
    assert start(simulators=[KadalSimulator]).backends == ("kadal",)


@pytest.mark.parametrize("in_file", [False, True])
def test_reset_returns_to_the_state_of_the_start(manual, tmp_path, in_file):
    state = tmp_path / "state.sqlite" if in_file else None
    with unichat.sandbox.start(manual, state=state) as box:
        if in_file:
            with unichat.connect("kadal", **box.settings("kadal")) as client:
                client.chat("Before the start?", user="ada")
    with unichat.sandbox.start(manual, state=state) as box:
        settings = {backend: box.settings(backend) for backend in box.backends}
        for backend in box.backends:
            with unichat.connect(backend, **settings[backend]) as client:
                answer = client.chat("How do I configure retries?", user="ada")
                client.feedback(answer, "up", user="ada")
                box.simulator(backend).clock = lambda: 0.0
        box.simulator("kapa").quirks.page_size = 1
        box.simulator("kadal").quirks.token_lifetime = 1
        box.reset()
        assert {backend: box.settings(backend) for backend in box.backends} == settings
        assert box.simulator("kapa").quirks == KapaQuirks()
        assert box.simulator("kadal").quirks == KadalQuirks()
        for backend in box.backends:
            assert not box.simulator(backend).requests
            assert box.simulator(backend).clock() > 1e9
            with unichat.connect(backend, **settings[backend]) as client:
                kept = [exchange.question for exchange in client.history(user="ada")]
                assert kept == (["Before the start?"] if in_file and backend == "kadal" else [])
                client.chat("How do I configure retries?", user="ada")
