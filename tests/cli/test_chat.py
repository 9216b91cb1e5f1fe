"""`unichat chat`: from a pipe, at a terminal, and what its commands do."""

from __future__ import annotations

import json
import re
import sys
from types import SimpleNamespace

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from unichat.cli import line_input
from unichat.cli.conversation import COMMANDS
from unichat.errors import (
    ConnectionFailed,
    InvalidInput,
    RateLimited,
    StaleThread,
    StreamInterrupted,
    Unsupported,
)
from unichat.models import ThreadRef

RATED = re.compile(r"Rated [0-9a-f-]+ (up|down)\.")


def lines(*given):
    return "".join(f"{line}\n" for line in given)


@pytest.fixture
def type_lines(monkeypatch):
    """The user types these lines; an exception means Ctrl-C or Ctrl-D."""

    def call(*given):
        waiting = list(given)

        def ask(prompt):
            line = waiting.pop(0) if waiting else EOFError
            if isinstance(line, str):
                return line
            raise line

        monkeypatch.setattr(line_input, "is_interactive", lambda: True)
        monkeypatch.setattr(line_input, "_make_prompt", lambda: ask)

    return call


def test_each_line_of_a_pipe_is_a_question_in_one_thread(run, profiles, box, question):
    result = run("chat", "--user", "ada", piped=lines(question, "", "And its warranty?"))
    assert (result.code, result.err) == (0, "")
    assert "vinegar" in result.out
    assert "two years" in result.out
    assert "Sources\n  Kettle › Descaling  http" in result.out
    first, second = list(box.simulator("kapa").requests)[-2:]
    assert first.path.endswith("/chat/stream/")
    assert "/threads/" in second.path
    assert json.loads(first.body)["user"] == {"unique_client_id": "ada"}


def test_a_vendor_without_streaming_answers_too(run, profiles, question):
    result = run("chat", "--profile", "kadal", "--user", "nobody-else", piped=lines(question, "/up", "/history"))
    assert (result.code, result.err) == (0, "")
    assert result.out.count("vinegar") == 2
    assert re.search(r"Rated \d+ up\.", result.out)


def test_a_thread_can_be_continued(run, profiles, question):
    thread = run("ask", "--json", question).json["thread"]
    result = run("chat", "--thread", thread, piped=lines("/history", "And its warranty?", "/history"))
    assert result.out.count(f"> {question}") == 2
    assert result.out.count("> And its warranty?") == 1


def test_an_invalid_thread_ends_the_chat_before_it_begins(run, profiles):
    assert run("chat", "--thread", "kapa:1:abc", piped=lines("Hello?")).code == 2


def test_the_last_answer_is_rated_with_words_or_without(run, profiles, box, question):
    result = run("chat", piped=lines("/up", question, "/up", "/down  Too long. "))
    assert result.code == 0
    assert result.err == "There is no answer to rate yet.\n"
    answer, rated = result.out[: -len("\n")].splitlines()[-2:]
    assert RATED.fullmatch(answer)[1] == "up"
    assert RATED.fullmatch(rated)[1] == "down"
    up, down = (json.loads(each.body) for each in list(box.simulator("kapa").requests)[-2:])
    assert (up["reaction"], down["reaction"]) == ("upvote", "downvote")
    assert down["comment"]["issue"] == "Too long."
    # Nobody was named: the verdicts of one chat are those of one person, made up for it.
    assert up["user_identifier"] == down["user_identifier"]


def test_reset_starts_a_new_thread(run, profiles, box, question):
    result = run("chat", piped=lines("/history", question, "/reset", "/history", "/down", question))
    nothing = "Nothing was asked in this thread yet.\n"
    assert result.err == f"{nothing}{nothing}There is no answer to rate yet.\n"
    assert "A new thread starts with the next question." in result.out
    assert box.simulator("kapa").requests[-1].path.endswith("/chat/stream/")
    assert "/threads/" not in box.simulator("kapa").requests[-1].path


def test_help_shows_the_commands(run, profiles):
    result = run("chat", piped=lines("/help"))
    assert [line.split()[0] for line in result.out.splitlines()] == list(COMMANDS)


def test_a_mistyped_command_gets_a_suggestion_and_is_not_asked(run, profiles, box):
    before = len(box.simulator("kapa").requests)
    result = run("chat", piped=lines("/hsitory", "/etc/hosts"))
    assert result.code == 0
    assert "There is no command /hsitory (did you mean /history?)." in result.err
    assert "There is no command /etc/hosts." in result.err
    assert len(box.simulator("kapa").requests) == before


def test_a_slash_after_a_space_begins_a_question(run, profiles, box):
    run("chat", piped=lines(" /etc/hosts?"))
    assert json.loads(box.simulator("kapa").requests[-1].body)["query"] == "/etc/hosts?"


def test_quit_ends_the_chat(run, profiles, box):
    before = len(box.simulator("kapa").requests)
    assert run("chat", piped=lines("/quit", "Hello?")) == (0, "", "")
    assert len(box.simulator("kapa").requests) == before


def test_an_error_is_a_line_and_the_chat_goes_on(run, profiles, question):
    result = run("chat", piped=lines("x" * 5001, question))
    assert result.code == 0
    assert result.err.startswith("unichat: error: kapa: the question has 5,001 characters")
    assert result.err.count("\n") == 1
    assert "vinegar" in result.out


def test_a_line_that_is_not_text_is_refused_and_the_chat_goes_on(run, profiles, question):
    result = run("chat", piped=b"\xff\xfe?\n" + question.encode() + b"\n")
    assert result.code == 0
    assert "lone surrogate" in result.err
    assert "vinegar" in result.out


def test_a_stream_without_an_encoding_to_change_is_read_as_it_is(profiles, monkeypatch):
    monkeypatch.setattr(sys, "stdin", ["one\r\n", "two"])
    assert list(line_input.read_piped_lines()) == ["one", "two"]


def test_a_thread_that_cannot_go_on_is_explained(run, profiles, monkeypatch, question):
    from unichat.client.sync_client import Client

    def stale(*args, **kwargs):
        raise StaleThread("a newer thread replaced this one", thread=ThreadRef("kadal", "x"))

    monkeypatch.setattr(Client, "stream", stale)
    result = run("chat", piped=lines(question))
    assert result.code == 0
    assert result.err == (
        "unichat: error: a newer thread replaced this one\nThis thread cannot be continued; /reset starts a new one.\n"
    )


def test_a_thread_that_the_vendor_does_not_know_is_explained(run, profiles):
    thread = str(ThreadRef("kapa", "00000000-0000-4000-8000-000000000000"))
    result = run("chat", "--thread", thread, piped=lines("Hello?"))
    assert result.code == 0
    assert result.err.splitlines()[-1] == "This thread cannot be continued; /reset starts a new one."


def test_a_broken_answer_is_shown_as_far_as_it_came_with_an_error(run, vendor, record):
    vendor(record("Half an ans\x1bwer"), cut=True)
    result = run("chat", piped=lines("What?"))
    assert result.code == 0
    assert result.out == "Half an ans\\x1bwer\n"
    assert result.err.startswith("unichat: error: kapa chat_streamed: the stream broke after 1 event: ")


def test_after_a_broken_answer_the_chat_goes_on_in_its_thread(run, profiles, monkeypatch, box):
    from unichat.client.sync_client import Client
    from unichat.errors import StreamInterrupted

    thread = ThreadRef("kapa", "9fddad30-9b5e-4c6a-8e30-b9085e931c71")
    asked = []

    def stream(self, question, *, thread, user):
        asked.append(thread)
        raise StreamInterrupted("it broke", thread=answered)

    monkeypatch.setattr(Client, "stream", stream)
    answered = thread
    run("chat", piped=lines("One?", "Two?"))
    assert asked == [None, thread]


def identifiers(thread, answer):
    content = {"thread_id": thread, "question_answer_id": answer}
    chunk = {"type": "identifiers", "content": content, "stream_end": False}
    return json.dumps({"chunk": chunk}).encode() + "\u241e".encode()


THREAD, ANSWER = "9fddad30-9b5e-4c6a-8e30-b9085e931c71", "00000000-0000-4000-8000-000000000001"
NO_ANSWER = "There is no answer to rate: the last question has none that the vendor has named.\n"


class TestRatedAnswer:
    """What /up rates after something went wrong: the answer on the screen, never the one before it."""

    @pytest.fixture
    def rated_ids(self, monkeypatch):
        """The ids of the answers that were rated."""
        from unichat.client.sync_client import Client
        from unichat.models import FeedbackReceipt, Rating

        ids = []

        def feedback(self, answer, rating, **about):
            ids.append(answer.id)
            return FeedbackReceipt(answer_id=answer.id, rating=Rating(rating))

        monkeypatch.setattr(Client, "feedback", feedback)
        return ids

    @pytest.fixture
    def answers(self, monkeypatch):
        """Answer the first question well, and the next ones as given; return the threads that they were asked in."""
        from unichat.client.streams import AnswerStream
        from unichat.client.sync_client import Client
        from unichat.models import Answer, StreamEvent

        def call(*outcomes):
            left, threads = [Answer(text="Good.", id="first", thread=ThreadRef("kapa", "t")), *outcomes], []

            class Source:
                def __init__(self):
                    self.outcome = left.pop(0)
                    self.begun = False
                    self.more = lambda: False

                def ready(self):
                    if self.begun:
                        if isinstance(self.outcome, tuple):
                            raise self.outcome[1]
                        return None
                    self.begun = True
                    return StreamEvent(type="text", text=self.partial().text)

                def partial(self):
                    return self.outcome[0] if isinstance(self.outcome, tuple) else self.outcome

                result = partial

                def close(self, interrupted_by=None):
                    pass

            def stream(self, question, *, thread, user):
                threads.append(thread and thread.id)
                if isinstance(left[0], Exception):
                    raise left.pop(0)
                return AnswerStream(Source, bool, lambda answer: answer)

            monkeypatch.setattr(Client, "stream", stream)
            return threads

        return call

    @pytest.mark.parametrize("answer_id", ["second", None])
    def test_an_answer_that_broke_is_rated_if_its_id_came(self, run, profiles, answers, rated_ids, answer_id):
        from unichat.models import Answer

        broke = StreamInterrupted("it broke", answer_id=answer_id, thread=ThreadRef("kapa", "t2"))
        threads = answers((Answer(text="Ha", id=answer_id), broke), Answer(text="Yes.", id="third"))
        result = run("chat", piped=lines("One?", "Two?", "/up", "Three?", "/up"))
        assert result.code == 0
        assert rated_ids == [*filter(None, [answer_id]), "third"]
        assert (NO_ANSWER in result.err) is (answer_id is None)
        assert threads == [None, "t", "t2"]

    @pytest.mark.parametrize(
        "refused", [InvalidInput("no"), RateLimited("later"), Unsupported("never"), ConnectionFailed("away")]
    )
    def test_after_a_question_that_failed_there_is_nothing_to_rate(self, run, profiles, answers, rated_ids, refused):
        answers(refused)
        result = run("chat", piped=lines("One?", "/up", "Two?", "/up", "/down"))
        assert (result.code, rated_ids) == (0, ["first"])
        assert result.err.count(NO_ANSWER) == 2

    def test_a_command_that_failed_leaves_the_answer_to_be_rated(self, run, profiles, answers, rated_ids):
        answers()
        run("chat", piped=lines("One?", "/nonsense", "/history", "/up"))
        assert rated_ids == ["first"]

    def test_a_question_that_the_client_refuses_is_a_question_without_an_answer(self, run, profiles, question):
        result = run("chat", piped=lines(question, "x" * 5001, "/up"))
        assert result.code == 0
        assert result.err.endswith(NO_ANSWER)

    @pytest.mark.parametrize(("answer_id", "thread"), [("second", "t2"), (None, "t2"), ("second", None), (None, None)])
    def test_an_answer_that_ctrl_c_stopped_is_rated_if_its_id_came(
        self, run, profiles, answers, rated_ids, type_lines, answer_id, thread
    ):
        from unichat.models import Answer

        stopped = Answer(text="Ha", id=answer_id, thread=thread and ThreadRef("kapa", thread))
        threads = answers((stopped, KeyboardInterrupt()), Answer(text="Yes.", id="third"))
        type_lines("One?", "Two?", "/up", "Three?", "/up")
        result = run("chat")
        assert result.code == 0
        assert rated_ids == [*filter(None, [answer_id]), "third"]
        assert (NO_ANSWER in result.err) is (answer_id is None)
        assert threads == [None, "t", thread or "t"]

    def test_ctrl_c_in_a_rating_does_not_speak_of_a_question(self, run, profiles, answers, type_lines, monkeypatch):
        from unichat.client.sync_client import Client

        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        answers()
        monkeypatch.setattr(Client, "feedback", interrupt)
        type_lines("One?", "/up")
        assert run("chat").err.endswith("\nStopped.\n")


def test_a_broken_answer_whose_id_came_is_rated_over_http(run, vendor, record):
    vendor(record("Half") + identifiers(THREAD, ANSWER) + record("an answer"), cut=True)
    result = run("chat", piped=lines("What?", "/up"))
    assert result.out.startswith("Halfan answer\n")
    # The rating is sent, and this vendor answers it with a stream.
    assert "kapa upsert_feedback" in result.err


def test_an_answer_without_a_thread_leaves_the_chat_in_its_thread(run, vendor, record):
    vendor(record("Yes.", end=True))
    result = run("chat", piped=lines("Really?", "/history", "/up"))
    assert result.code == 0
    assert result.out == "Yes.\n\n"
    nowhere, unrated = result.err.splitlines()
    assert nowhere == "Nothing was asked in this thread yet."
    assert "the answer has no id, so it cannot be rated" in unrated


def test_an_answer_without_words_is_an_empty_line(run, vendor, record):
    vendor(record("") + record("", end=True))
    result = run("chat", piped=lines("Really?", "/help"))
    assert result.err == ""
    assert result.out.startswith("\n/up ")


@pytest.mark.parametrize(
    ("replacement", "out", "notes"),
    [
        ("Take vinegar.", "Take acid!\nTake vinegar. Always.\n\n", 1),
        ("", "Take acid!\n Always.\n\n", 1),
        ("Take acid! No!", "Take acid! No! Always.\n\n", 0),
        ("Take acid!", "Take acid! Always.\n\n", 0),
    ],
)
def test_an_answer_that_the_vendor_replaces_is_shown_anew(run, profiles, monkeypatch, replacement, out, notes):
    from unichat.client.streams import AnswerStream
    from unichat.client.sync_client import Client
    from unichat.models import Answer, StreamEvent

    class Source:
        def __init__(self):
            texts = ((0, "Take "), (0, "acid!"), (1, replacement), (0, " Always."))
            self.events = [StreamEvent(type="text", text=text, replaces=bool(whole)) for whole, text in texts]
            self.ready = lambda: self.events.pop(0) if self.events else None
            self.result = lambda: Answer(text=f"{replacement} Always.")
            self.close = self.more = self.partial = lambda *_: None

    def stream(self, question, *, thread, user):
        return AnswerStream(Source, bool, lambda answer: answer)

    monkeypatch.setattr(Client, "stream", stream)
    result = run("chat", piped=lines("How?"))
    assert result.out == out
    assert result.err.count("The vendor has replaced the answer so far:") == notes


def test_ctrl_c_in_a_pipe_ends_the_chat(run, profiles, monkeypatch):
    from unichat.client.sync_client import Client

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "stream", interrupt)
    assert run("chat", piped=lines("What?", "More?")).code == 130


class TestLineInput:
    def test_ctrl_d_ends_the_chat(self, run, profiles, type_lines, question):
        type_lines(question)
        result = run("chat")
        assert result.code == 0
        assert "vinegar" in result.out
        assert result.err == "Ask away. /help lists the commands; Ctrl-D ends.\n"

    def test_ctrl_c_at_the_prompt_ends_the_chat_with_130(self, run, profiles, type_lines):
        type_lines(KeyboardInterrupt)
        assert run("chat").code == 130

    def test_ctrl_c_during_an_answer_ends_the_answer_only(self, run, profiles, type_lines, monkeypatch):
        from unichat.client.sync_client import Client

        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(Client, "stream", interrupt)
        type_lines("What?", "/help")
        result = run("chat")
        assert result.code == 0
        assert "Stopped." in result.err
        assert "/down" in result.out

    @pytest.mark.parametrize(("reads", "shows"), [(True, True), (True, False), (False, True)])
    def test_a_chat_is_interactive_only_between_two_terminals(self, monkeypatch, reads, shows):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: reads))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: shows)
        assert line_input.is_interactive() is (reads and shows)

    def test_the_prompt_completes_commands(self):
        with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
            keys.send_text("/do\t it is.\r\x04")
            assert list(line_input.read_typed_lines()) == ["/down it is."]

    def test_without_prompt_toolkit_the_lines_come_from_input(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
        monkeypatch.setattr("builtins.input", lambda prompt: f"typed at {prompt}")
        assert next(line_input.read_typed_lines()) == "typed at > "
        monkeypatch.setitem(sys.modules, "readline", None)
        assert next(line_input.read_typed_lines()) == "typed at > "


def test_a_terminal_has_line_editing_completion_and_history(terminal, profiles, question):
    chat = terminal("chat")
    chat.wait_for_prompt()
    chat.type("How oftem\x7fn should I descale the kettle?\r")
    chat.wait_for("vinegar")
    chat.wait_for("Sources")
    chat.wait_for_prompt()
    chat.type("/do\t Too long.\r")
    chat.wait_for(" down.")
    chat.wait_for_prompt()
    chat.type("\x1b[A\x1b[A\r")
    chat.wait_for("vinegar")
    chat.wait_for_prompt()
    chat.type("\x04")
    assert chat.end() == 0


def test_ctrl_c_at_a_terminal_ends_first_the_answer_and_then_the_chat(terminal, vendor, record):
    vendor(record("Half an answer"), silent=True)
    chat = terminal("chat")
    chat.wait_for_prompt()
    chat.type("What?\r")
    chat.wait_for("Half an answer")
    chat.interrupt(until="Stopped.")
    chat.wait_for_prompt()
    chat.type("\x03")
    assert chat.end() == 130
    assert "Traceback" not in chat.text
