"""The state of a conversation, read in one query from each kind of store."""

from attrs import evolve

from unichat.conversations import queue, records
from unichat.conversations.entries import Message, QueueTurn, Waiting
from unichat.conversations.messages import Part
from unichat.conversations.state import read_state
from unichat.conversations.tickets import lock_conversation
from unichat.models import Answer, ThreadRef

THREAD = ThreadRef(backend="kapa", id="t-1", scope="p")


def message(event=None, token="token", conversation="c", speaker="ada"):
    return Message(
        conversation=conversation, part=Part(speaker, event, "one"), token=token, overlap="wait", lease=30,
        event_ttl=60, gives_up_after=60, question_limit=None,
    )  # fmt: skip


def load_state(store, conversation="c", event=None):
    return store.run(lambda tx: read_state(tx, conversation, event), writes=False)


def test_a_new_conversation_has_the_next_tickets_number_and_nothing_else(store):
    store.run(lambda tx: lock_conversation(tx, "c"))
    state = load_state(store, event="e1")
    assert (state.turns, state.resets, state.thread, state.speaker, state.shared) == (1, 0, None, None, False)
    assert (state.left_over, state.event, state.tickets) == ((), None, ())


def test_an_answered_conversation_has_its_thread_its_answer_and_its_event(store):
    turn = store.run(lambda tx: queue.enter(tx, message("e1")))
    answer = Answer(text="echo", id="a-1", thread=THREAD)
    assert store.run(lambda tx: records.finish(tx, turn, answer, backend="kapa", keep_texts=False))
    state = load_state(store, event="e1")
    assert (state.thread, state.speaker) == (str(THREAD), "ada")
    assert state.event.answer_at(0) == answer
    assert state.event.answer_at(1e10) is None
    assert load_state(store, event="e2").event is None


def test_tickets_come_in_order_and_without_those_of_other_conversations(store):
    store.run(lambda tx: queue.enter(tx, message(token="other", conversation="d")))
    for token in ("one", "two", "three"):
        store.run(lambda tx, token=token: queue.enter(tx, message(token=token)))
    assert [ticket.token for ticket in load_state(store).tickets] == ["one", "two", "three"]


def test_a_message_that_enters_again_has_one_ticket(store):
    # As where the connection to the database broke while its first ticket was committed.
    first = store.run(lambda tx: queue.enter(tx, message("e1")))
    again = store.run(lambda tx: queue.enter(tx, message("e1")))
    assert isinstance(again, QueueTurn)
    assert evolve(again, ticket=first.ticket, asked_at=first.asked_at) == first
    waiting = store.run(lambda tx: queue.enter(tx, message(token="two")))
    waiting_again = store.run(lambda tx: queue.enter(tx, message(token="two")))
    assert isinstance(waiting, Waiting)
    assert isinstance(waiting_again, Waiting)
    assert [ticket.token for ticket in load_state(store).tickets] == ["token", "two"]
