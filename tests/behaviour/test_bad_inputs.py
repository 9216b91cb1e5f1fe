"""Bad inputs to the neutral calls: which error each gets on each vendor, and that nothing is sent."""

import zlib

import pytest

from tests.vendors import VENDORS
from unichat import Answer, Comment, Rating, ThreadRef, User
from unichat.adapter import ReferenceTurns
from unichat.errors import ConfigError, InvalidInput, StaleThread, ThreadMismatch, UnichatError, Unsupported

from .doubles import BAD_IDS, BOT, PROJECT, StubTransport, client_on, reply

THREAD = {
    "kapa": ThreadRef("kapa", "1de43264-67cb-48af-89f9-e865c375bb84"),
    "kadal": ThreadRef("kadal", "01a21026-99ae-7009-9c8d-9352bc44fb70", user="anna", scope=BOT),
    "dify": ThreadRef("dify", "0a6bbd40-5c2c-4b7a-8a4f-2d9b6f1c7e55", user="anna"),
    "openai": ReferenceTurns().save(ThreadRef("openai", "t-1", user="anna"), ()),
}
UUID = "484fbe4d-af7f-4b72-aecb-cde0e9e50cf3"
ANSWER = {"kadal": 1}
"""Ids of answers, where a UUID is none."""
MORE = {"openai": {"turns": "reference"}}
"""Settings with which a thread that was not made here can be continued."""


def every(error, **exceptions):
    """What every vendor says, and who says something else."""
    return {**dict.fromkeys(VENDORS, error), **exceptions}


def question(value):
    """A question is bad wherever it is asked."""
    return [
        lambda client: client.chat(value, user="anna"),
        lambda client: client.continue_thread(THREAD[client.backend], value),
        lambda client: client.stream(value, user="anna"),
    ]


def thread(value):
    """A thread is bad wherever one is given."""
    return [
        lambda client: client.continue_thread(value, "q"),
        lambda client: client.stream("q", thread=value),
        lambda client: client.history(value),
        lambda client: client.clear_history(value),
    ]


def identity(value):
    """An id is bad as an answer's, and as what the vendor's own operations are about."""

    def call_operation(client):
        match client.backend:
            case "kapa":
                return client.operations.retrieve_thread(id=value)
            case "kadal":
                return client.operations.post_chat(chat_bot_id=value, message="q")
            case "dify":
                return client.operations.delete_conversation(conversation_id=value, user="anna")
        return client.operations.retrieve_model(model=value)

    def call_with_answer(client):
        if client.capabilities.feedback:
            return client.feedback(value, Rating.UP, user="anna")
        return call_operation(client)

    return [call_with_answer, call_operation]


def rate(*args, **options):
    return [lambda client: client.feedback(ANSWER.get(client.backend, UUID), *args, **{"user": "anna", **options})]


def chat(**options):
    given = {"user": "anna", **options}
    return [lambda client: client.chat("q", **given), lambda client: client.stream("q", **given)]


def history(**options):
    return [lambda client: client.history(**{"user": "anna", **options})]


def text(body, version=1):
    """A thread's text with the right checksum."""
    whole = f"{body}" if version is None else body.replace(":1:", f":{version}:", 1)
    return f"{whole}~{zlib.crc32(whole.encode()):08x}"


def send_any_text(value):
    """What vendors whose ids may be any text say: within a path it is encoded, unless it would lead elsewhere."""
    return {} if value in ("", ".", "..", f"{PROJECT}\0") else {"dify": None, "openai": None}


CYCLE: dict = {}
CYCLE["itself"] = CYCLE

RULES = {
    "1 an empty question": (question(""), every(InvalidInput)),
    "2 a question of blanks": (question(" \t\n\u3000"), every(InvalidInput)),
    "3 a question of 5,001 characters": (question("x" * 5001), every(None, kapa=InvalidInput)),
    "4 a question that is not text": (question(["q"]), every(InvalidInput)),
    "5 a question of bytes": (question(b"q"), every(InvalidInput)),
    "6 a lone surrogate in a question": (question("a\ud800b"), every(InvalidInput)),
    "7 a NUL in a question": (question("a\0b"), every(InvalidInput)),
    "8 no question": (question(None), every(InvalidInput)),
    "9 an empty thread": (thread(""), every(InvalidInput)),
    "10 a thread without a backend": (thread(text(":1:abc")), every(InvalidInput)),
    "11 a thread of an unknown version": (
        [call for name in VENDORS for call in thread(text(f"{name}:1:abc", 2))],
        every(InvalidInput),
    ),
    "12 a truncated thread": (
        [call for each in THREAD.values() for call in thread(str(each)[:-1]) + thread(str(each)[:20])],
        every(InvalidInput),
    ),
    "13 a thread of 200 KB": (thread(text("kapa:1:" + "a" * 200_000)), every(InvalidInput)),
    "14 another vendor's thread": (
        [
            lambda client: client.continue_thread(THREAD["kapa" if client.backend == "kadal" else "kadal"], "q"),
            lambda client: client.history(str(THREAD["kapa" if client.backend == "kadal" else "kadal"])),
        ],
        every(ThreadMismatch),
    ),
    **{
        f"{number} {name} as an id": (identity(bad), every(InvalidInput, **send_any_text(bad)))
        for number, (name, bad) in enumerate(
            [(name, bad) for name, bad in BAD_IDS.items() if name not in ("an integer", "true", "2**70", "blanks")], 16
        )
    },
    "27 an id that is not a UUID": (identity("1234"), every(None, kapa=InvalidInput)),
    "28 an integer where text is needed": (
        [identity(7)[1], lambda client: client.continue_thread(7, "q"), lambda client: client.chat("q", user=7)],
        every(InvalidInput),
    ),
    "29 true as an id": (identity(True), every(InvalidInput)),
    "30 2**70 as an id": (identity(2**70), every(InvalidInput)),
    "31 a rating as text": (rate("up"), every(None, openai=Unsupported)),
    "32 an unknown rating": (
        [call for value in ("sideways", "UP", 1, True, None, [], 1.5) for call in rate(value)],
        every(InvalidInput),
    ),
    "33 a comment with an upvote": (
        rate(Rating.UP, comment="great"),
        every(None, kapa=Unsupported, openai=Unsupported),
    ),
    "34 a comment over the limit": (rate(Rating.DOWN, comment="x" * 10_001), every(InvalidInput)),
    "34 a comment that is not text": (
        [call for value in (5, b"x", Comment(5), "a\0") for call in rate(Rating.DOWN, comment=value)],
        every(InvalidInput),
    ),
    "35 no user for feedback": (
        rate(Rating.UP, user=None),
        every(None, kapa=InvalidInput, dify=InvalidInput, openai=Unsupported),
    ),
    "36 a user's id over 200 characters": (
        rate(Rating.UP, user="x" * 201),
        every(None, kapa=InvalidInput, openai=Unsupported),
    ),
    "38 a page size of 0": (history(page_size=0), every(InvalidInput)),
    "39 a page size of -1": (history(page_size=-1), every(InvalidInput)),
    "40 a page size of 1.5": (
        [call for value in (1.5, True, "10", 10**6) for call in history(page_size=value)],
        every(InvalidInput),
    ),
    "41 a limit of -1": (
        [call for value in (-1, 1.5, "1", True) for call in history(limit=value)],
        every(InvalidInput),
    ),
    "42 a user with an empty id": (
        [
            call
            for value in ("", " ", User(""), User(" "), User(), User("anna", email=""))
            for call in [*chat(user=value), *history(user=value), *rate(Rating.UP, user=value)]
        ],
        every(InvalidInput),
    ),
    "42 a user that is none": (
        [call for value in (7, b"anna", ["anna"], {"id": "anna"}) for call in chat(user=value)],
        every(InvalidInput),
    ),
    "43 an e-mail without an at sign": (chat(user=User("anna", email="anna")), every(Unsupported, kapa=None)),
    "44 metadata that cannot be sent": (
        [call for value in ({"x": object()}, {"x": b"x"}, {"x": {1}}) for call in chat(metadata=value)],
        every(InvalidInput),
    ),
    "44 metadata that is not a dict": (
        [call for value in ("x", ["x"], 5, True) for call in chat(metadata=value)],
        every(InvalidInput),
    ),
    "45 NaN in metadata": (
        [call for value in (float("nan"), float("inf")) for call in chat(metadata={"x": [value]})],
        every(InvalidInput),
    ),
    "46 a cycle in metadata": (chat(metadata=CYCLE), every(InvalidInput)),
    "47 keys in metadata that are not text": (
        [call for value in ({1: "x"}, {"x": {None: 1}}, {"x": [{True: 1}]}) for call in chat(metadata=value)],
        every(InvalidInput),
    ),
    "47 a lone surrogate in metadata": (chat(metadata={"x": "\ud800"}), every(InvalidInput)),
    "an unknown argument": ([lambda client: client.chat("q", usr="anna")], every(Unsupported)),
    "an unknown leniency": (chat(on_unsupported="ignore"), every(InvalidInput)),
    "a deadline that cannot be": (
        [call for value in (0, -1, float("nan"), float("inf"), "5", True) for call in chat(deadline=value)],
        every(InvalidInput),
    ),
    "an answer without a thread": ([lambda client: client.continue_thread(Answer(text="a"), "q")], every(InvalidInput)),
}
"""By number and name of the row: the calls that are tried, and by vendor the error, None where it is carried out."""


def answer(request):
    row = {"answer": "a", "message": "a", "message_id": 1, "id": 1, "data": [], "results": [], "next": None}
    return reply({**row, "conversation_id": "c", "choices": [{"message": {"content": "a"}}]})


@pytest.mark.parametrize("backend", VENDORS)
@pytest.mark.parametrize(("calls", "expected"), RULES.values(), ids=RULES)
def test_a_bad_input_is_refused_before_anything_is_sent(calls, expected, backend):
    for call in calls:
        transport = StubTransport(answer)
        client = client_on(transport, backend, **MORE.get(backend, {}))
        if expected[backend] is None:
            call(client)
            continue
        with pytest.raises(UnichatError) as caught:
            call(client)
        error = caught.value
        assert type(error) is expected[backend]
        assert transport.sent == []
        assert error.attempts == ()
        assert error.maybe_delivered is False
        assert error.retryable is False
        assert error.hint
        assert len(str(error)) < 600
        assert str(error).isprintable()
        if not isinstance(error, ThreadMismatch):
            assert error.argument


def test_15_a_stale_thread_is_refused_before_anything_is_sent():
    transport = StubTransport(answer)
    client = client_on(transport, "kadal")
    # Made long ago, so that its age does not hang on the clock.
    old = ThreadRef("kadal", "00000000-0000-7000-8000-000000000000", user="anna", scope=BOT)
    client.chat("q", user="anna")
    for call in (
        lambda: client.continue_thread(old, "q"),
        lambda: client.stream("q", thread=str(old)),
    ):
        with pytest.raises(StaleThread) as caught:
            call()
        assert caught.value.thread == old
    assert len(transport.sent) == 1


def test_37_feedback_without_rating_ids_is_a_config_error_before_anything_is_sent():
    transport = StubTransport(answer)
    with pytest.raises(ConfigError) as caught:
        client_on(transport, "kadal", rating_ids=None).feedback(1, Rating.UP)
    assert caught.value.key == "rating_ids"
    assert transport.sent == []


def test_every_row_of_the_list_is_here():
    numbers = {int(name.split()[0]) for name in RULES if name[0].isdigit()}
    assert numbers | {15, 37} == set(range(1, 48))


def test_the_bad_ids_do_not_include_a_good_one():
    assert PROJECT not in BAD_IDS.values()


@pytest.mark.parametrize("backend", VENDORS)
def test_a_question_of_just_the_limit_is_asked(backend):
    transport = StubTransport(answer)
    client_on(transport, backend).chat("\N{GRINNING FACE}" * 5000, user="anna")
    assert len(transport.sent) == 1
