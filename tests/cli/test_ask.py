"""`unichat ask`: the question, the answer's forms, threads, and the sandbox where nothing is set up."""

from __future__ import annotations

import json
import sys

import pytest

from unichat.models import AnswerRef, ThreadRef


def test_an_answer_comes_with_its_sources(run, profiles, question):
    result = run("ask", question)
    assert (result.code, result.err) == (0, "")
    answer, sources = result.out.split("\n\nSources\n")
    assert "vinegar" in answer
    assert sources.startswith("  Kettle › Descaling  http://127.0.0.1:")


def test_a_question_needs_no_quotes(run, profiles, box, question):
    run("ask", *question.split())
    assert json.loads(box.simulator("kapa").requests[-1].body)["query"] == question


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_the_question_can_come_from_a_pipe(run, profiles, box, arguments, question):
    assert run("ask", *arguments, piped=f"{question}\n").code == 0
    assert json.loads(box.simulator("kapa").requests[-1].body)["query"] == question


@pytest.mark.parametrize("text", ["- text", "-a b", "--what is it?", "-\u00a0text"])
def test_a_question_that_begins_with_a_dash_needs_nothing_else(run, profiles, box, text):
    assert run("ask", text, "--user", "- ada").code == 0
    sent = json.loads(box.simulator("kapa").requests[-1].body)
    assert (sent["query"], sent["user"]) == (text, {"unique_client_id": "- ada"})


def test_a_question_of_one_word_that_begins_with_a_dash_is_told_how(run, profiles, box):
    result = run("ask", "-what")
    assert (result.code, result.out) == (2, "")
    assert "A question that begins with a dash goes after --. Try `unichat ask --help`" in result.err
    assert run("ask", "--", "-what").code == 0
    assert json.loads(box.simulator("kapa").requests[-1].body)["query"] == "-what"


def test_a_mistyped_option_before_a_question_is_still_one(run, profiles):
    result = run("ask", "--thred", "x", "What is - x?")
    assert result.code == 2
    assert "--thread" in result.err
    assert "dash" not in result.err


@pytest.mark.parametrize("text", ["\ufeff", "\u200b", "\ufeff\r\n", " \u2060\n", "\u3164", "\u2800 "])
def test_a_question_of_nothing_that_can_be_seen_is_empty(run, profiles, box, text):
    before = len(box.simulator("kapa").requests)
    assert run("ask", piped=text) == (2, "", "unichat: error: the question is empty. Ask something.\n")
    assert run("ask", text).code == 2
    assert run("chat", piped=f"{text}\n") == (0, "", "")
    assert len(box.simulator("kapa").requests) == before


def test_a_byte_order_mark_is_not_part_of_a_question(run, profiles, box, question):
    for command in ("ask", "chat"):
        run(command, piped=f"\ufeff{question}\n")
        assert json.loads(box.simulator("kapa").requests[-1].body)["query"] == question


def test_a_terminal_shows_markdown_rendered_and_a_pipe_as_it_came(run, vendor, monkeypatch):
    address = "http://docs.example/a/very/long/address/that/fits/in/no/line.html"
    text = f"# Title\n\nA **bold** [link]({address}).\n\n> quoted"
    vendor(json.dumps({"answer": text}).encode())
    assert run("ask", "What?").out == f"{text}\n"
    monkeypatch.setattr("unichat.cli.output.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    assert run("ask", "What?").out.startswith(f"Title\n\nA bold link\n({address}).\n\n│ quoted\n")


def test_a_terminal_is_shown_styles_unless_there_is_no_color(terminal, profiles, question, monkeypatch):
    asked = terminal("ask", question)
    assert asked.end() == 0
    assert "\x1b[4mKettle\x1b[0m" in asked.text
    monkeypatch.setenv("NO_COLOR", "1")
    asked = terminal("ask", question, columns=40)
    assert asked.end() == 0
    assert "\x1b" not in asked.text
    assert "vinegar" in asked.text


def test_without_a_question_a_terminal_is_told_to_give_one(terminal, profiles):
    asked = terminal("ask")
    assert asked.end() == 2
    assert "no question: give it after the options, or on standard input" in asked.text


def test_an_empty_question_is_refused_before_it_is_sent(run, profiles, box):
    before = len(box.simulator("kapa").requests)
    assert run("ask", "") == (2, "", "unichat: error: the question is empty. Ask something.\n")
    assert run("ask", piped="\n").code == 2
    assert len(box.simulator("kapa").requests) == before


def test_a_question_that_is_not_text_is_refused(run, profiles):
    result = run("ask", piped=b"\xff\xfe")
    assert (result.code, result.out) == (2, "")
    assert "not text in this terminal's encoding" in result.err


@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_json_has_text_id_thread_and_sources_and_the_thread_goes_on(run, profiles, profile, question):
    first = run("ask", "--json", "--user", "ada", "--profile", profile, question).json
    assert list(first) == ["text", "id", "ref", "thread", "sources", "profile"]
    assert "vinegar" in first["text"]
    assert isinstance(first["id"], str)
    assert all(list(source) == ["url", "title"] for source in first["sources"])
    assert ThreadRef.parse(first["thread"]).backend == profile
    second = run("ask", "--json", "--profile", profile, "--thread", first["thread"], "And its warranty?").json
    assert ThreadRef.parse(second["thread"]) == ThreadRef.parse(first["thread"])
    assert "two years" in second["text"]


def test_json_is_ascii_so_that_nothing_in_it_reaches_a_terminal(run, profiles, question):
    result = run("ask", "--json", question)
    assert result.out.isascii()
    assert "\\u203a" in result.out


def test_a_terminal_also_shows_the_answers_id_and_the_thread(run, profiles, terminal_output, question):
    lines = run("ask", question).out.splitlines()
    assert AnswerRef.parse(lines[-2].removeprefix("answer ")).backend == "kapa"
    assert ThreadRef.parse(lines[-1].removeprefix("thread ")).backend == "kapa"


def test_control_characters_of_the_vendor_are_escaped_but_not_its_lines(run, vendor):
    reply = {"answer": "red \x1b[31m\r\nnext\tline \u202e\u200d", "thread_id": None}
    vendor(json.dumps(reply).encode())
    assert run("ask", "What?").out == "red \\x1b[31m\nnext\tline \\u202e\u200d\n"
    assert run("ask", "What?", "--json").json["text"] == reply["answer"]


def test_an_answer_without_id_thread_and_sources_is_shown_as_it_is(run, vendor, terminal_output):
    vendor(b'{"answer": "Yes.", "is_uncertain": true}')
    result = run("ask", "Really?")
    assert result.out == "Yes.\n\nThe answer has no id, so it cannot be rated.\n"
    assert result.err == "note: the vendor marks this answer as uncertain\n"
    nothing = {"text": "Yes.", "id": None, "ref": None, "thread": None, "sources": [], "profile": None}
    assert run("ask", "Really?", "--json").json == nothing


def test_an_answer_that_may_have_been_asked_twice_says_so(run, profiles, monkeypatch, question):
    from attrs import evolve

    from unichat.client.sync_client import Client

    chat = Client.chat
    monkeypatch.setattr(
        Client, "chat", lambda self, *args, **kw: evolve(chat(self, *args, **kw), maybe_duplicated=True)
    )
    assert "may have been asked twice" in run("ask", question).err


def test_a_failure_of_the_vendor_is_one_line_and_exit_code_1(run, vendor):
    vendor(b'{"detail": "\\u001b[31mno\\nway"}', status="401 Unauthorized")
    result = run("ask", "What?")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("unichat: error: kapa chat: HTTP 401")
    assert "\x1b" not in result.err
    assert "sesame" not in result.err
    assert result.err.count("\n") == 1


def test_an_argument_that_the_vendor_refuses_is_a_failure_and_not_a_usage_error(run, vendor):
    vendor(b'{"query": ["Too rude."]}', status="400 Bad Request")
    result = run("ask", "What?")
    assert result.code == 1
    assert "Too rude." in result.err


def test_a_thread_of_another_backend_is_refused(run, profiles, question):
    thread = run("ask", "--json", "--profile", "kadal", question).json["thread"]
    result = run("ask", "--thread", thread, question)
    assert result.code == 2
    assert "the thread belongs to kadal, and this client talks to kapa" in result.err


def test_a_truncated_thread_is_refused_and_its_option_named(run, profiles):
    result = run("ask", "--thread", "kapa:1:abc", "What?")
    assert result.code == 2
    assert result.err.endswith("(here: --thread)\n")


def test_an_invalid_deadline_is_refused(run, profiles):
    assert run("ask", "--deadline", "-1", "What?").code == 2
    assert run("ask", "--deadline", "soon", "What?").code == 2


def test_a_deadline_is_kept(run, vendor):
    vendor(b"", silent=True)
    result = run("ask", "--deadline", "0.2", "What?")
    assert result.code == 1
    assert "0.2 s" in result.err


def test_a_backend_can_be_named_instead_of_a_profile(run, box, monkeypatch, question):
    settings = box.settings("kapa")
    assert "api_key is missing" in run("ask", "--backend", "kapa", question).err
    monkeypatch.setenv("KAPA_API_KEY", settings["api_key"])
    url = f"kapa://{settings['project_id']}?base_url={settings['base_url']}"
    assert "vinegar" in run("ask", "--backend", url, question).out


def test_a_backend_together_with_a_profile_is_refused(run, profiles):
    assert run("ask", "--backend", "kapa", "--profile", "kapa", "What?").code == 2


def test_a_warning_of_the_library_is_shown(run, profiles, question):
    profiles.chmod(0o644)
    result = run("ask", question)
    assert result.code == 0
    assert result.err.startswith("warning: ")
    assert "chmod 600" in result.err


def test_ctrl_c_while_waiting_for_the_answer_ends_with_130(terminal, vendor):
    server = vendor(b"", silent=True)
    asked = terminal("ask", "What?")
    assert server.asked.wait(30)
    asked.interrupt()
    assert asked.end() == 130
    assert "Traceback" not in asked.text
    assert "error" not in asked.text


def test_the_encoding_of_the_stream_is_left_alone_where_it_cannot_be_changed(run, profiles, monkeypatch, question):
    class Plain:
        def __init__(self, stream):
            self.write, self.flush, self.isatty = stream.write, stream.flush, stream.isatty

    monkeypatch.setattr(sys, "stderr", Plain(sys.stderr))
    assert run("ask", question).code == 0


def test_sources_without_an_address_or_a_title_are_listed_by_what_they_have(capsys):
    from unichat.cli.output import answer_json, print_sources
    from unichat.models import Answer, Source

    sources = (Source(None, "Manual"), Source("https://x.org"), Source(None))
    print_sources(sources)
    assert capsys.readouterr().out.splitlines()[2:] == ["  Manual", "  https://x.org", "  (a source without a name)"]
    assert answer_json(Answer(text="", sources=sources))["sources"] == [
        {"url": None, "title": "Manual"},
        {"url": "https://x.org", "title": None},
        {"url": None, "title": None},
    ]
