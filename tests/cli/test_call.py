"""`unichat operations` and `unichat call`: the vendors' own operations, run or shown as curl's command lines."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess

import pytest

from unichat.config import registry

ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def last_request(box):
    """The last request that a simulator received."""

    def call(backend):
        return box.simulator(backend).requests[-1]

    return call


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_all_operations_of_an_adapter_are_listed(run, backend):
    endpoints = list(registry.find(backend).endpoints)
    rows = run("operations", backend, "--json").json
    assert [(row["name"], row["method"], row["path"]) for row in rows] == [
        (each.name, each.method, each.path) for each in endpoints
    ]
    lines = run("operations", backend).out.splitlines()
    assert lines[0].split() == ["operation", "method", "path", "parameters"]
    assert [line.split()[:3] for line in lines[1:]] == [[each.name, each.method, each.path] for each in endpoints]


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_no_name_is_cut_on_a_narrow_terminal(run, terminal_output, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = run("operations", "kapa").out
    for row in run("operations", "kapa", "--json").json:
        assert {row["name"], row["path"], row["method"]} <= set(shown.split())
    assert all(len(line) <= columns or " " not in line.strip() for line in shown.splitlines())


def test_a_parameter_shows_whether_it_is_required_and_whether_a_setting_provides_it(run):
    chat = next(row for row in run("operations", "kapa", "--json").json if row["name"] == "chat")
    assert chat["reference"] == "Chat"
    assert chat["streamed"] is False
    shown = [{name: value for name, value in each.items() if name != "schema"} for each in chat["parameters"]]
    assert shown[:3] == [
        {"name": "project_id", "type": "str", "required": True, "from_settings": True},
        {"name": "query", "type": "str", "required": True, "from_settings": False},
        {"name": "user", "type": "Mapping[str, Any] | None", "required": False, "from_settings": False},
    ]
    assert chat["parameters"][1]["schema"]["maxLength"] == 5000
    assert chat["parameters"][2]["schema"]["$ref"] == "#/$defs/EndUserInfo"
    assert chat["answer"]["type"] == "ChatReply"
    assert "answer" in chat["answer"]["schema"]["$defs"]["ChatReply"]["properties"]
    assert "project_id* query [user] [metadata] [integration_id*]" in run("operations", "kapa").out


def test_the_operations_of_an_unknown_backend_are_an_error(run):
    result = run("operations", "kapaa")
    assert (result.code, result.out) == (2, "")
    assert "'kapa'" in result.err


def test_an_operation_prints_the_vendors_json_and_takes_ids_from_the_settings(run, profiles, box):
    result = run("call", "retrieve_project")
    assert (result.code, result.err) == (0, "")
    assert result.json["id"] == box.settings("kapa")["project_id"]


def test_text_is_text_and_json_is_json(run, profiles, last_request):
    assert run("call", "chat", "query=5", 'user:={"email": "ada@example.com"}', "metadata:={}").code == 0
    body = json.loads(last_request("kapa").body)
    assert body["query"] == "5"
    assert body["user"] == {"email": "ada@example.com"}


def test_a_value_may_contain_more_equals_signs(run, profiles, last_request):
    run("call", "chat", "query=a=b:=c")
    assert json.loads(last_request("kapa").body)["query"] == "a=b:=c"


def test_text_becomes_a_number_or_boolean_if_the_parameter_can_only_be_one(run, profiles, last_request):
    asked = run("ask", "--profile", "kadal", "--json", "--user", "ada", "When to descale?").json
    given = ("rating_id=2", "is_positive=no", f"bot_response_id={asked['id']}")
    assert run("call", "--profile", "kadal", "add_feedback", *given).code == 0
    assert json.loads(last_request("kadal").body) == {
        "bot_response_id": int(asked["id"]),
        "is_positive": False,
        "rating_id": 2,
    }


def test_a_value_that_can_be_text_stays_text(run, profiles, last_request):
    run("call", "list_end_users", "has_email=true", "search=1")
    assert last_request("kapa").query == "has_email=true&search=1"


def test_an_id_that_is_given_wins_over_the_settings(run, profiles):
    result = run("call", "retrieve_project", "id=00000000-0000-4000-8000-000000000000")
    assert result.code == 1
    assert "HTTP 404" in result.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("retrieve_projct",), "kapa has no operation 'retrieve_projct' (did you mean retrieve_project?). It has: "),
        (("chat", "quer=x"), "chat has no parameter 'quer' (did you mean query?). It has: project_id, query, "),
        (("chat",), "chat needs query: add query=…."),
        (("chat_in_thread",), "chat_in_thread needs thread_id, query: add thread_id=… query=…."),
        (("chat", "query"), "'query' is not an argument: write name=text or name:=json."),
        (("chat", "=x"), "'=x' is not an argument"),
        (("chat", ":=x"), "':=x' is not an argument"),
        (("chat", "query=a", "query=b"), "query was given twice."),
        (("list_sources", "page=one"), "page is 'one', but should be a whole number."),
        (("chat", "query=a", "user=ada"), "user takes JSON: write user:='{…}'."),
        (("custom_chat", "messages=hello"), "messages takes JSON: write messages:='[…]'."),
        (("chat", "query:={"), "query is not JSON ("),
        (("chat", "query:=NaN"), "query is not JSON (NaN is not a number in JSON): 'NaN'."),
        (("chat", 'user:={"a": 1, "a": 2}'), "user is not JSON (a key is used twice in one object)"),
        (("list_threads", "include:=5"), "kapa: include is 5. Pass text"),
        (("chat", "user:=" + "[" * 100_000), "user is not JSON (it is nested too deeply)"),
    ],
)
def test_a_mistake_in_the_arguments_is_reported_before_anything_is_sent(run, profiles, box, arguments, problem):
    before = len(box.simulator("kapa").requests)
    result = run("call", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"unichat: error: {problem}")
    assert result.err.count("\n") == 1
    assert len(box.simulator("kapa").requests) == before


def test_a_choice_is_checked(run, profiles, last_request):
    result = run("call", "--profile", "kadal", "post_chat", "message=x", "message_encoding=jsn")
    assert result.code == 2
    assert "message_encoding is 'jsn' (did you mean json?). Accepted: json, query." in result.err
    assert run("call", "--profile", "kadal", "post_chat", "message=x", "message_encoding=json").code == 0


def test_a_value_that_the_operation_refuses_is_not_sent(run, profiles):
    result = run("call", "retrieve_thread", "id=a/b")
    assert result.code == 2
    assert "a/b" in result.err


def test_a_streamed_operation_prints_one_record_a_line(run, profiles, question):
    result = run("call", "chat_streamed", f"query={question}")
    records = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0
    assert len(records) > 3
    assert all("chunk" in record for record in records)
    text = "".join(record["chunk"]["content"].get("text", "") for record in records)
    assert "vinegar" in text


def test_the_records_of_a_stream_are_printed_as_they_come(process, vendor, record):
    vendor(record("First.") + record("Second."), silent=True)
    child = process("call", "chat_streamed", "query=What?")
    assert json.loads(child.stdout.readline())["chunk"]["content"]["text"] == "First."
    assert json.loads(child.stdout.readline())["chunk"]["content"]["text"] == "Second."
    assert child.poll() is None


def test_a_stream_that_breaks_is_a_failure_after_its_records(run, vendor, record):
    vendor(record("First."), cut=True)
    result = run("call", "chat_streamed", "query=What?")
    assert result.code == 1
    assert json.loads(result.out)["chunk"]["content"]["text"] == "First."
    assert "the stream broke after 1 event: " in result.err


def test_a_backend_or_url_can_replace_a_profile(run, box):
    settings = box.settings("kadal")
    url = f"kadal://{settings['chat_bot_id']}?token={settings['token']}&base_url={settings['base_url']}"
    assert run("call", "--backend", url, "health").json == {"msg": "OK"}


class TestDryRun:
    def test_a_dry_run_shows_the_request_and_sends_nothing(self, run, profiles, box):
        before = len(box.simulator("kapa").requests)
        settings = box.settings("kapa")
        result = run("call", "--dry-run", "chat", "query=What's {this} [and] that?")
        assert (result.code, result.err) == (0, "")
        assert shlex.split(result.out) == [
            "curl",
            "--globoff",
            "--request",
            "POST",
            f"{settings['base_url']}/query/v1/projects/{settings['project_id']}/chat/",
            "--header",
            "X-API-KEY: ***",
            "--header",
            "Accept: application/json",
            "--header",
            "Content-Type: application/json",
            "--data-raw",
            f'{{"query":"What\'s {{this}} [and] that?","integration_id":"{settings["integration_id"]}"}}',
        ]
        assert settings["api_key"] not in result.out
        assert result.out.count("\n") == 1
        assert len(box.simulator("kapa").requests) == before

    def test_a_dry_run_shows_the_scheme_before_the_secret_and_the_query(self, run, profiles, box):
        words = shlex.split(
            run("call", "--profile", "kadal", "--dry-run", "list_chats", "page_no=1", "page_size=5").out
        )
        assert "Authorization: Bearer ***" in words
        assert words[4].startswith(f"{box.settings('kadal')['base_url']}/aiwb/chat/api/v1/")
        assert "page_no=1&page_size=5" in words[4]
        assert "--data-raw" not in words

    def test_a_dry_run_of_a_stream_tells_curl_not_to_buffer(self, run, profiles):
        words = shlex.split(run("call", "--dry-run", "chat_streamed", "query=What?").out)
        assert "--no-buffer" in words
        assert "Accept: application/json" not in words

    def test_a_dry_run_of_an_unsigned_request_has_no_secret(self, profiles, box):
        from attrs import evolve

        from unichat.cli.curl import command_line
        from unichat_kadal import operations

        unsigned = evolve(operations.health(), signed=False)
        line = command_line(unsigned, "http://127.0.0.1:1/base/", [("Authorization", "Bearer ***")])
        assert shlex.split(line)[4].startswith("http://127.0.0.1:1/base/aiwb/")
        assert "***" not in line

    @pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
    def test_a_dry_run_prints_a_command_that_runs_once_the_secret_is_put_in(self, run, profiles, box, last_request):
        line = run("call", "--dry-run", "chat", 'query=It\'s @home, {a} [b]\n$HOME `id` "é" !').out
        line = line.replace("***", box.settings("kapa")["api_key"])
        ran = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        assert json.loads(ran.stdout)["thread_id"]
        assert json.loads(last_request("kapa").body)["query"] == 'It\'s @home, {a} [b]\n$HOME `id` "é" !'

    @pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
    @pytest.mark.parametrize("backend", ["kapa", "kadal"])
    @pytest.mark.parametrize(
        "question",
        [
            'It\'s @home, {a} [b]\n$HOME `id` "é" !',
            "@file",
            "-x --data-raw '",
            "\\ \t\r\n 'quoted' \"twice\"",
            "日本語 \u202e\u0085\x7f\U000e0041 🙂",
        ],
    )
    def test_with_its_secrets_the_command_runs_as_it_is(self, run, profiles, last_request, backend, question):
        name, field = {"kapa": ("chat", "query"), "kadal": ("post_chat", "message")}[backend]
        dry = run("call", "--profile", backend, "--dry-run", "--show-secrets", name, f"{field}={question}")
        assert (dry.code, dry.err) == (0, "")
        ran = subprocess.run(["sh", "-c", dry.out], capture_output=True, text=True, check=True)
        assert json.loads(ran.stdout).keys() & {"thread_id", "message_id"}
        assert json.loads(last_request(backend).body)[field] == question

    @pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
    def test_a_query_and_a_token_that_is_fetched_run_as_well(self, run, box, last_request):
        simulator = box.simulator("kadal")
        settings = box.settings("kadal")
        url = (
            f"kadal://{settings['chat_bot_id']}?base_url={settings['base_url']}"
            f"&client_id={simulator.client_id}&client_secret={simulator.client_secret}"
        )
        line = run("call", "--backend", url, "--dry-run", "--show-secrets", "list_chats", "page_no=1", "page_size=5")
        assert line.code == 0, line.err
        ran = subprocess.run(["sh", "-c", line.out], capture_output=True, text=True, check=True)
        assert json.loads(ran.stdout)["status_code"] == 200
        masked = run("call", "--backend", url, "--dry-run", "list_chats", "page_no=1", "page_size=5").out
        assert "Bearer ***" in masked

    @pytest.mark.parametrize("options", [("--show-secrets",), ("--dry-run", "--include")])
    def test_options_that_do_not_go_together_are_an_error(self, run, profiles, options):
        result = run("call", *options, "retrieve_project")
        assert (result.code, result.out) == (2, "")


class TestInclude:
    @pytest.mark.parametrize("arguments", [("retrieve_project",), ("chat_streamed", "query=What?")])
    def test_status_headers_and_time_come_on_standard_error(self, run, profiles, arguments):
        plain, result = run("call", *arguments), run("call", "--include", *arguments)
        lines = result.err.splitlines()
        assert (result.code, plain.err) == (0, "")
        assert lines[0] == "HTTP 200 OK"
        assert any(line.startswith("content-type: ") for line in lines)
        assert lines[-1].startswith("time: ")
        assert lines[-1].endswith(" s")
        assert len(result.out.splitlines()) == len(plain.out.splitlines())

    def test_an_error_shows_its_head_before_its_message(self, run, profiles):
        result = run("call", "--include", "--no-check", "chat", "query=")
        lines = result.err.splitlines()
        assert (result.code, result.out) == (1, "")
        assert "HTTP 400 Bad Request" in lines
        assert lines[-1].startswith("unichat: error: ")

    def test_every_response_of_a_call_is_shown(self, run, write):
        from unichat.testing import FaultServer, json_answer

        with FaultServer(lambda request: json_answer({"id": "1"}), ["503", "good"]) as server:
            write(
                f'[profiles.x]\nbackend = "kapa"\nbase_url = "{server.url}"\napi_key = "k-123456"\n'
                f'project_id = "{ID}"\nbackoff = 0.001\n'
            )
            result = run("call", "--profile", "x", "--include", "retrieve_project")
        assert [line for line in result.err.splitlines() if line.startswith("HTTP ")] == [
            "HTTP 503 Service Unavailable",
            "HTTP 200 OK",
        ]

    def test_secrets_and_cookies_are_masked(self, run, write):
        from unichat.adapter import Reply
        from unichat.testing import FaultServer

        head = {
            "content-type": "application/json",
            "set-cookie": "session=abc",
            "x-auth-token": "abc",
            "x-echo": "the key is k-123456",
            "x-ratelimit-remaining-tokens": "5",
        }
        with FaultServer(lambda request: Reply(200, head, b"{}"), ["good"]) as server:
            write(
                f'[profiles.x]\nbackend = "kapa"\nbase_url = "{server.url}"\napi_key = "k-123456"\n'
                f'project_id = "{ID}"\n'
            )
            result = run("call", "--profile", "x", "--include", "retrieve_project")
        lines = result.err.splitlines()
        assert {"set-cookie: ***", "x-auth-token: ***", "x-echo: the key is ***"} <= set(lines)
        assert "x-ratelimit-remaining-tokens: 5" in lines


class TestNoCheck:
    @pytest.mark.parametrize(
        ("arguments", "body"),
        [
            (("query=",), {"query": ""}),
            (("query:=null",), {"query": None}),
            (("query:=5", "user=ada"), {"query": 5, "user": "ada"}),
            ((), {}),
            (("query=x", "colour=blue", "size:=[1]"), {"query": "x", "colour": "blue", "size": [1]}),
        ],
    )
    def test_what_the_checks_would_refuse_is_sent(self, run, profiles, box, last_request, arguments, body):
        result = run("call", "--no-check", "chat", *arguments)
        given = json.loads(last_request("kapa").body)
        assert given == {**body, "integration_id": box.settings("kapa")["integration_id"]}
        assert result.code == (0 if body.get("query") == "x" else 1)
        assert "BUG" not in result.err
        assert "Traceback" not in result.err

    def test_an_extra_field_of_a_get_goes_into_the_query(self, run, profiles, last_request):
        run("call", "--profile", "kadal", "--no-check", "list_chats", "page_no=0", "order=up", "extra:=true")
        assert "page_no=0" in last_request("kadal").query
        assert last_request("kadal").query.endswith("order=up&extra=true")

    def test_what_was_not_checked_is_said_only_if_it_would_have_been_refused(self, run, profiles):
        assert (
            "note: not checked: reaction is 'meh'"
            in run(
                "call", "--no-check", "upsert_feedback", f"question_answer={ID}", "reaction=meh", "user_identifier=ada"
            ).err
        )
        assert run("call", "--no-check", "retrieve_project").err == ""

    def test_a_path_that_leads_elsewhere_is_not_sent(self, run, profiles, box):
        before = len(box.simulator("kapa").requests)
        assert run("call", "--no-check", "retrieve_thread", "id=..").code == 2
        assert len(box.simulator("kapa").requests) == before
