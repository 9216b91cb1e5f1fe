"""Mistakes in an adapter reach the caller as one of unichat's errors; what is somebody else's passes through."""

import copy
import pickle

import pytest

from tests.behaviour.own_vendor import KEY, operation, read_answer, reply
from tests.behaviour.test_credentials import show
from unichat.adapter import Fields, Operation, Page, Paged, Replay, Request, StreamOperation, ask, open_stream
from unichat.errors import AdapterError, InvalidInput, InvalidResponse, NotFound, UnichatError, Unsupported
from unichat.models import Answer, Exchange, StreamEvent, ThreadRef

GOOD = reply({"text": "Yes.", "id": 1})
WORDS = "what somebody asked"


class AdapterMistake(KeyError):
    """A mistake with a class of its own."""


def divide_by_zero():
    return 1 // 0


def exhaust():
    return next(iter(()))


def no_such_name():
    return no_such  # noqa: F821


def make_raiser(error):
    def raise_it(*_, **__):
        raise error

    return raise_it


MISTAKES = {
    "KeyError": lambda *_: {}[WORDS],
    "IndexError": lambda *_: [][1],
    "LookupError": make_raiser(LookupError(WORDS)),
    "AdapterMistake": make_raiser(AdapterMistake(WORDS)),
    "TypeError": lambda *_: len(5),
    "AttributeError": lambda *_: None.words,
    "ValueError": lambda *_: int(WORDS),
    "NotImplementedError": make_raiser(NotImplementedError(WORDS)),
    "UnicodeDecodeError": lambda *_: b"\xff".decode(),
    "NameError": lambda *_: no_such_name(),
    "ZeroDivisionError": lambda *_: divide_by_zero(),
}


class Signal(Exception):
    """What a signal's handler raises, at whatever moment."""


OTHERS = [Signal, AssertionError, KeyboardInterrupt, SystemExit, OSError, MemoryError, RuntimeError]


# Where an adapter's code runs: each place makes a client of which `ask_it` runs `function`


def in_method(own, function):
    return own(chat=lambda call: function())


def in_flow_before(own, function):
    def chat(call):
        function()
        return (yield from ask(operation()))

    return own(GOOD, chat=chat)


def in_flow_after(own, function):
    def chat(call):
        yield from ask(operation())
        return function()

    return own(GOOD, chat=chat)


def in_flow_that_handles(own, function):
    def chat(call):
        try:
            yield from ask(operation())
        except NotFound:
            return function()

    return own(reply({}, status=404), chat=chat)


def in_parse(own, function):
    return own(GOOD, chat=lambda call: ask(operation(parse=function)))


def in_map(own, function):
    return own(GOOD, chat=lambda call: ask(operation().map(function)))


def in_detect_error(own, function):
    return own(GOOD, chat=lambda call: ask(operation(detect_error=function)))


def in_signer(own, function):
    return own(GOOD, credential=function)


PLACES = (
    in_method, in_flow_before, in_flow_after, in_flow_that_handles, in_parse, in_map, in_detect_error, in_signer,
)  # fmt: skip
READING = (in_parse, in_map, in_detect_error)


def failure(made, kind=UnichatError):
    with pytest.raises(kind) as caught:
        made.client.chat("Hi?")
    return caught.value


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_mistake_names_the_adapter_and_keeps_its_cause(own, place, name):
    made = place(own, MISTAKES[name])
    error = failure(made)
    assert type(error) is (InvalidResponse if place in READING else AdapterError)
    assert error.backend == "own"
    assert "own's adapter" in str(error)
    assert f"({name})" in str(error)
    assert error.hint
    assert type(error.__cause__).__name__ == name
    assert error.__context__ is None or error.__context__ is error.__cause__
    # Where it was, for the author, and not what it worked on.
    assert "test_adapter_mistakes.py" in "".join(error.__cause__.__notes__)
    assert error.__cause__.__traceback__ is None
    assert WORDS not in str(error)
    assert len(made.sent) <= 1


@pytest.mark.parametrize(
    ("place", "delivered"),
    [(in_method, False), (in_flow_before, False), (in_flow_after, True), (in_parse, True), (in_detect_error, True)],
)
def test_it_says_whether_the_question_may_have_been_asked(own, place, delivered):
    error = failure(place(own, MISTAKES["KeyError"]))
    assert error.maybe_delivered is delivered
    assert error.retryable is False
    if delivered:
        assert (error.call.maybe_delivered, error.stopped_by, len(error.attempts)) == (True, "not_retryable", 1)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_anything_else_passes_through(own, place, kind):
    # A BaseException would end the event loop of the tests, too.
    if not issubclass(kind, Exception) and hasattr(own().client, "asynchronous"):
        pytest.skip("it would end the loop of the tests")
    error = kind("of somebody else")
    with pytest.raises(kind) as caught:
        place(own, make_raiser(error)).client.chat("Hi?")
    assert caught.value is error


def test_errors_of_unichats_own_pass_as_they_are(own):
    error = Unsupported("not here", backend="own", operation="chat")
    for place in (in_method, in_flow_before):
        assert failure(place(own, make_raiser(error))) is error


def test_the_end_of_an_iterator_is_a_mistake_and_not_the_end_of_the_flow(own):
    for place in PLACES:
        error = failure(place(own, lambda *_: exhaust()))
        assert isinstance(error, AdapterError | InvalidResponse), place
        assert error.backend == "own"


def test_the_client_can_be_used_after_a_mistake(own):
    flows = iter([MISTAKES["KeyError"], lambda: ask(operation())])
    made = own(GOOD, chat=lambda call: next(flows)())
    failure(made, AdapterError)
    assert made.client.chat("Hi?").text == "Yes."


# Wrong types


@pytest.mark.parametrize("wrong", [None, "text", 5, {}, Answer(text="Yes."), lambda: None])
def test_a_method_that_returns_no_flow_is_a_mistake(own, wrong):
    error = failure(own(chat=lambda call: wrong), AdapterError)
    assert f"own's adapter returned {type(wrong).__name__} instead of a flow" in str(error)
    assert error.maybe_delivered is False


@pytest.mark.filterwarnings("error")
def test_an_asynchronous_method_is_a_mistake(own):
    async def chat(call):
        return Answer(text="Yes.")

    assert "returned coroutine" in str(failure(own(chat=chat), AdapterError))


@pytest.mark.parametrize("step", [None, 5, "text", Request("GET", "/x"), ask])
def test_a_flow_that_yields_no_step_is_a_mistake(own, step):
    def chat(call):
        yield step

    error = failure(own(chat=chat), AdapterError)
    assert isinstance(error.__cause__, TypeError)


@pytest.mark.parametrize("wrong", [None, "text", {}, Exchange(question="?", answer="!")])
@pytest.mark.parametrize("call", ["chat", "feedback", "clear_history", "history", "stream"])
def test_a_flow_that_returns_the_wrong_type_is_a_mistake_and_the_question_was_asked(own, call, wrong):
    def flow(_):
        yield from ask(operation())
        return wrong

    made = own(GOOD, **{call: flow})
    calls = {
        "chat": lambda client: client.chat("Hi?"),
        "feedback": lambda client: client.feedback("a", "up"),
        "clear_history": lambda client: client.clear_history(user="ada"),
        "history": lambda client: list(client.history()),
        "stream": lambda client: list(client.stream("Hi?")),
    }
    with pytest.raises(AdapterError, match=f"own's adapter returned {type(wrong).__name__}") as caught:
        calls[call](made.client)
    assert (caught.value.maybe_delivered, len(caught.value.attempts)) == (True, 1)


@pytest.mark.parametrize("parts", [{"request": None}, {"request": "GET /x"}, {"replay": "ask"}])
def test_an_operation_that_is_put_together_wrongly_is_a_mistake(own, parts):
    assert failure(own(chat=lambda call: ask(operation(**parts))), AdapterError).maybe_delivered is False


# Lists


def rows(parse=None):
    return Operation(
        backend="own", name="list", replay=Replay.READ, request=Request("GET", "/rows"),
        detect_error=lambda answer: None,
        parse=parse or (lambda answer: Page((Exchange(question="?", answer="!", id="1"),))),
    )  # fmt: skip


LISTS = {
    "key": lambda: Paged(rows(), MISTAKES["KeyError"]),
    "keep": lambda: Paged(rows(), lambda row: row.id, MISTAKES["KeyError"]),
    "inner": lambda: Paged(rows(), lambda row: row.id).flat_map(MISTAKES["KeyError"]),
    "inner of the wrong type": lambda: Paged(rows(), lambda row: row.id).flat_map(lambda row: [row]),
    "unhashable key": lambda: Paged(rows(), lambda row: []),
    "no page": lambda: Paged(rows(lambda answer: [1]), lambda row: row.id),
    "items that are none": lambda: Paged(rows(lambda answer: Page(None)), lambda row: row.id),
    "first of the wrong type": lambda: Paged("rows", lambda row: row.id),
    "no first": lambda: Paged(None, lambda row: row.id),
    "next of the wrong type": lambda: Paged(rows(lambda answer: Page((), "/rows?page=2")), lambda row: row.id),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_mistake_in_a_list_names_the_adapter(own, name):
    def history(call):
        return LISTS[name]()
        yield

    made = own(*[GOOD] * 2, history=history)
    reading = made.client.history()
    with pytest.raises(AdapterError, match="own's adapter") as caught:
        list(reading)
    assert caught.value.__cause__ is not None
    assert list(reading) == []


# Streams


class Decoder:
    """Takes everything for one text, and goes wrong where it is told to."""

    complete = False

    def __init__(self, where, function):
        self._where, self._function, self.records = where, function, []

    def _run(self, where):
        if where == self._where:
            self._function()

    def feed(self, data):
        self._run("feed")
        yield StreamEvent(type="text", text=data.decode())
        self._run("later")

    def end(self):
        self._run("end")

    def result(self):
        self._run("result")
        return Answer(text="Yes.")


def stream_with(own, where, function):
    def make(limit):
        if where == "make":
            function()
        return Decoder(where, function)

    asked = operation()
    streamed = StreamOperation(
        backend="own", name="ask", replay=Replay.ASK, request=asked.request, detect_error=asked.detect_error,
        decoder=make,
    )  # fmt: skip
    return own(reply(body=b"Yes."), stream=lambda call: open_stream(streamed))


def read_all(client):
    with client.stream("Hi?") as pieces:
        list(pieces)
        return pieces.answer


@pytest.mark.parametrize("where", ["make", "feed", "later", "end", "result"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_decoder_is_one_of_unichats_errors(own, where, name):
    made = stream_with(own, where, MISTAKES[name])
    with pytest.raises(UnichatError) as caught:
        read_all(made.client)
    assert caught.value.backend == "own"
    assert caught.value.maybe_delivered is not False
    assert name in str(caught.value)
    assert WORDS not in str(caught.value)
    assert type(caught.value.__cause__).__name__ == name
    assert caught.value.__cause__.__traceback__ is None


@pytest.mark.parametrize("where", ["make", "feed", "later", "end", "result"])
@pytest.mark.parametrize("kind", [Signal, AssertionError, OSError, RuntimeError])
def test_anything_else_passes_through_a_decoder(own, where, kind):
    error = kind("of somebody else")
    with pytest.raises(kind) as caught:
        read_all(stream_with(own, where, make_raiser(error)).client)
    assert caught.value is error


# A result that is read in the flow


def read_in_flow(own, read, replay=Replay.ASK, answer=GOOD):
    def chat(call):
        got = yield from ask(operation(replay, parse=lambda whole: whole))
        return read(got)

    return own(answer, chat=chat)


def read_both_ways(own, read, **more):
    """The errors of a result that is read in `parse`, and in the flow."""
    in_the_flow = failure(read_in_flow(own, read, **more))
    at_once = failure(
        own(
            more.get("answer", GOOD),
            chat=lambda call: ask(operation(more.get("replay", Replay.ASK), parse=read)),
        )
    )
    return in_the_flow, at_once


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (read_answer, reply({"id": 1})),
        (read_answer, reply({"text": 5})),
        (read_answer, reply([1])),
        (read_answer, reply(body=b"{oops")),
        (read_answer, reply(body=b"<html>", kind="text/html")),
        (lambda got: ThreadRef("own", "x" * 10**6), GOOD),
        (lambda got: Fields(got.json()).require_id("nothing"), GOOD),
    ],
)
@pytest.mark.parametrize("replay", [Replay.ASK, Replay.INSERT, Replay.READ])
def test_a_result_that_is_read_in_the_flow_is_judged_as_one_in_parse(own, read, answer, replay):
    if replay is not Replay.ASK and answer is GOOD and read is not read_answer:
        pytest.skip("an InvalidInput after a reading may be about what was given")
    in_flow, in_parse = read_both_ways(own, read, answer=answer, replay=replay)
    for name in (
        "kind",
        "pointer",
        "status",
        "maybe_delivered",
        "retryable",
        "backend",
        "operation",
        "hint",
        "excerpt",
    ):
        assert getattr(in_flow, name) == getattr(in_parse, name), name
    assert type(in_flow) is type(in_parse) is InvalidResponse
    assert in_flow.maybe_delivered is True
    assert in_flow.call.maybe_delivered is True
    assert in_flow.stopped_by == in_parse.stopped_by == "not_retryable"
    assert len(in_flow.attempts) == 1
    assert str(in_flow) == str(in_parse)


def test_what_it_shows_of_the_answer_has_no_secret(own):
    answer = reply(body=f"<html>{KEY}".encode(), kind="text/html")
    error = failure(read_in_flow(own, read_answer, answer=answer))
    assert KEY not in show(error)
    assert "***" in error.excerpt


def test_an_invalid_response_before_anything_was_sent_says_so(own):
    def chat(call):
        raise InvalidResponse("the cache is broken")
        yield

    error = failure(own(chat=chat), InvalidResponse)
    assert (error.maybe_delivered, error.call) == (None, None)


def test_an_argument_that_a_flow_refuses_after_a_reading_stays_the_callers(own):
    def chat(call):
        yield from ask(operation(Replay.READ, parse=lambda answer: answer))
        raise InvalidInput("no such user", argument="user")

    error = failure(own(GOOD, chat=chat), InvalidInput)
    assert error.argument == "user"


# No secret in it


def raise_with_key(answer=None):
    key = KEY
    fields = {"key": key, "answer": answer}
    return fields[f"no {key} here"]


class Holder:
    """An object whose attribute is missing, and whose print shows the key."""

    def __repr__(self):
        return KEY


def missing_attribute(*_):
    return Holder().nothing


def undecodable(*_):
    return (KEY.encode() + b"\xff").decode()


def raise_chained(*_):
    try:
        raise_with_key()
    except KeyError as error:
        raise ValueError(f"while reading {KEY}") from error


@pytest.mark.parametrize("function", [raise_with_key, missing_attribute, undecodable, raise_chained])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_neither_the_error_nor_its_cause_shows_a_secret(own, place, function, caplog):
    error = failure(place(own, lambda *_: function()))
    text = show(error)
    assert KEY not in text
    assert KEY not in caplog.text
    cause = error.__cause__
    while cause is not None:
        assert KEY not in repr(vars(cause))
        assert KEY not in f"{cause!r} {cause}"
        assert cause.__traceback__ is None
        cause = cause.__cause__ or cause.__context__


def test_the_result_that_a_flow_was_sent_or_returned_does_not_show(own):
    def wrong_type(call):
        return (yield from ask(operation(parse=lambda answer: {"echo": KEY})))

    def mistaken(call):
        got = yield from ask(operation(parse=lambda answer: {"echo": KEY}))
        return got["text"]

    for chat in (wrong_type, mistaken):
        assert KEY not in show(failure(own(GOOD, chat=chat), AdapterError))

    def history(call):
        return {"echo": KEY}
        yield

    made = own(history=history)
    with pytest.raises(AdapterError) as caught:
        list(made.client.history())
    assert KEY not in show(caught.value)


def test_it_can_be_copied_and_pickled(own):
    error = failure(in_method(own, MISTAKES["KeyError"]))
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(same), str(same)) == (AdapterError, str(error))


# Before there is a client


@pytest.mark.parametrize("name", MISTAKES)
def test_an_adapter_that_cannot_be_made_is_a_mistake(own, name):
    class Capabilities:
        """What goes wrong as soon as it is looked at."""

        def __bool__(self):
            MISTAKES[name]()

    with pytest.raises(AdapterError, match="own's adapter") as caught:
        own(capabilities=Capabilities())
    assert type(caught.value.__cause__).__name__ == name
