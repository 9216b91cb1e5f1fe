"""What a backend cannot do: each call is refused by name, or does what `on_unsupported="drop"` is said to do."""

import attrs
import pytest

from tests.behaviour.own_vendor import operation, reply
from tests.behaviour.test_many import collect
from tests.blocking import BlockingClient
from unichat import Answer, Rating, ThreadRef
from unichat.adapter import Adapter, Capabilities, ask, require_thread
from unichat.errors import AdapterError, InvalidInput, Unsupported
from unichat.models import ClearOutcome

GOOD = reply({"text": "Yes.", "id": 1})
NOTHING = Capabilities(feedback=False, history=False)
THREAD = ThreadRef("own", "t-1")
OF_ANN = ThreadRef("own", "t-1", user="ann")

CALLS = {
    "chat": lambda client, **more: client.chat("Hi?", **more),
    "continue_thread": lambda client, **more: client.continue_thread(THREAD, "Hi?", **more),
    "stream": lambda client, **more: client.stream("Hi?", **more),
    "feedback": lambda client, **more: client.feedback("a-1", "up", **more),
    "history": lambda client, **more: list(client.history(**more)),
    "clear_history": lambda client, **more: client.clear_history(**more),
}
WHOLE = ("feedback", "history", "clear_history")
"""The calls that a backend may not have at all."""


def sent_nothing(method, result):
    """Whether the result says that nothing was sent."""
    match method:
        case "feedback":
            return (result.sent, result.answer_id, result.rating, result.id) == (False, "a-1", Rating.UP, None)
        case "history":
            return result == []
        case "clear_history":
            return result.outcome is ClearOutcome.DETACHED
    raise AssertionError(method)


# Capabilities that an adapter does not know


def test_every_capability_has_a_default():
    assert [each.name for each in attrs.fields(Capabilities) if each.default is attrs.NOTHING] == []


@pytest.mark.parametrize("method", ["chat", "continue_thread", "stream", "feedback", "history"])
def test_an_adapter_that_knows_no_capability_is_asked_for_what_every_adapter_did(own, method):
    reached = []

    def note(call):
        reached.append(call.operation)
        raise Unsupported("that is all", backend="own", operation=call.operation)

    made = own(capabilities=Capabilities(), **dict.fromkeys(("chat", "stream", "feedback", "history"), note))
    with pytest.raises(Unsupported, match="that is all"):
        CALLS[method](made.client)
    assert reached == [method]


def test_an_adapter_keeps_working_when_a_capability_is_added(own):
    @attrs.frozen(kw_only=True)
    class Later(Capabilities):
        """As a later version of unichat may have them."""

        voices: bool = False

    known = {"streaming": True, "metadata": True}
    for kind in (Capabilities, Later):
        made = own(GOOD, GOOD, capabilities=kind(**known))
        assert made.client.chat("Hi?", metadata={"page": "/"}).text == "Yes."
        assert made.client.capabilities.streaming


# Calls that a backend does not have


@pytest.mark.parametrize("method", WHOLE)
def test_a_call_that_the_backend_does_not_have_is_unsupported_by_name(own, method):
    made = own(capabilities=NOTHING)
    with pytest.raises(Unsupported) as caught:
        CALLS[method](made.client)
    error = caught.value
    assert (error.backend, error.operation, error.argument) == ("own", method, method)
    assert error.alternative
    assert made.sent == []


@pytest.mark.parametrize("method", WHOLE)
@pytest.mark.parametrize("where", ["call", "settings"])
def test_a_call_that_is_dropped_says_so_and_sends_nothing(own, method, where, caplog):
    made = own(capabilities=NOTHING, policy={"on_unsupported": "drop"} if where == "settings" else {})
    result = CALLS[method](made.client, **({"on_unsupported": "drop"} if where == "call" else {}))
    assert sent_nothing(method, result)
    assert made.sent == []
    assert f"own {method}: dropped {method}" in caplog.text


@pytest.mark.parametrize("method", WHOLE)
def test_a_call_that_is_dropped_still_has_its_arguments_checked(own, method):
    made = own(capabilities=NOTHING)
    for bad in ({"user": ""}, {"deadline": -1}):
        with pytest.raises(InvalidInput):
            CALLS[method](made.client, on_unsupported="drop", **bad)


@pytest.mark.parametrize("method", WHOLE)
def test_many_calls_that_are_dropped_each_say_so(own, method):
    made = own(capabilities=NOTHING)
    asynchronous = isinstance(made.client, BlockingClient)

    async def read(rows):
        return [row async for row in rows]

    def call(client, _):
        if method == "history" and asynchronous:
            return read(client.history(on_unsupported="drop"))
        return CALLS[method](client, on_unsupported="drop")

    outcomes = list(collect(made.client, call, range(5)))
    assert [sent_nothing(method, outcome.result) for outcome in outcomes] == [True] * 5
    assert made.sent == []


@pytest.mark.parametrize("method", ["chat", "continue_thread", "stream"])
def test_an_argument_that_is_dropped_leaves_the_question_asked(own, method, caplog):
    def chat(call):
        if call.metadata is not None:
            call.reject_or_drop("metadata", "there is no place for it", "Leave it out.")
        return ask(operation())

    made = own(GOOD, capabilities=NOTHING, chat=chat)
    with pytest.raises(Unsupported) as caught:
        CALLS[method](made.client, metadata={"page": "/"})
    assert (caught.value.argument, made.sent) == ("metadata", [])
    result = CALLS[method](made.client, metadata={"page": "/"}, on_unsupported="drop")
    answer = result if isinstance(result, Answer) else whole(result)
    assert (answer.text, len(made.sent)) == ("Yes.", 1)
    assert f"own {method}: dropped metadata: there is no place for it" in caplog.text


def whole(stream):
    with stream:
        return stream.answer


# Calls that need a user


@pytest.mark.parametrize("leniency", ["raise", "drop"])
@pytest.mark.parametrize("method", CALLS)
def test_a_call_without_the_user_that_the_backend_needs_is_invalid(own, method, leniency):
    made = own(capabilities=Capabilities(needs_user=True, clear_history=True, streaming=True))
    with pytest.raises(InvalidInput, match="own needs a user for this call") as caught:
        CALLS[method](made.client, on_unsupported=leniency)
    assert (caught.value.argument, caught.value.operation) == ("user", method)
    assert made.sent == []


def test_a_user_or_a_thread_that_remembers_one_is_enough(own):
    made = own(*[GOOD] * 4, capabilities=Capabilities(needs_user=True))
    made.client.chat("Hi?", user="ann")
    made.client.continue_thread(THREAD, "Hi?", user="ann")
    made.client.continue_thread(OF_ANN, "Hi?")
    whole(made.client.stream("Hi?", thread=OF_ANN))
    assert len(made.sent) == 4


def test_a_rating_needs_a_user_where_only_ratings_do(own):
    made = own(GOOD, capabilities=Capabilities(feedback_needs_user=True))
    assert made.client.chat("Hi?").text == "Yes."
    with pytest.raises(InvalidInput) as caught:
        made.client.feedback("a-1", "up")
    assert (caught.value.operation, caught.value.argument) == ("feedback", "user")


# Methods that an adapter does not have


@pytest.mark.parametrize("method", ["stream", *WHOLE])
@pytest.mark.parametrize("derived", [True, False])
def test_a_method_that_is_missing_though_the_capabilities_promise_it_is_a_mistake_that_names_the_adapter(
    own, method, derived
):
    class Bare(*((Adapter,) if derived else ())):
        """An adapter that only answers."""

        capabilities = Capabilities(streaming=True, clear_history=True)

        def chat(self, call):
            return ask(operation())

    bare = Bare()
    made = own(capabilities=bare.capabilities, **{method: lambda call: getattr(bare, method)(call)})
    with pytest.raises(AdapterError, match="own's adapter could not begin"):
        CALLS[method](made.client)
    assert made.sent == []


def test_an_adapter_without_probes_has_none():
    class Bare(Adapter):
        """An adapter that can do nothing."""

    assert Bare().probes() == ()


# What clear_history() clears without arguments


def test_clearing_without_a_thread_never_means_all_of_them(own):
    made = own(
        capabilities=Capabilities(clear_history=True, parallel_threads=True),
        clear_history=lambda call: require_thread(call) and None,
    )
    for leniency in ("raise", "drop"):
        with pytest.raises(InvalidInput, match="clears one thread at a time, and none was named") as caught:
            made.client.clear_history(on_unsupported=leniency)
        assert caught.value.argument == "thread"
    assert made.sent == []
