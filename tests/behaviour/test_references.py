"""Which answer is rated, and in whose name: over real HTTP, on both vendors, by both clients."""

import pytest

from unichat import AnswerRef, Rating, ThreadRef
from unichat.errors import InvalidInput, StaleThread, ThreadMismatch

from .conftest import KNOWN


@pytest.fixture(params=["kapa", "kadal"])
def vendor(request):
    """Those whose threads and answers belong to a project or a bot."""
    return request.param


def other_scope(box, vendor):
    """Return the settings of a client of another project or bot, whose key the simulator knows."""
    if vendor == "kapa":
        return {"project_id": "11111111-2222-4333-8444-555555555555"}
    return {"chat_bot_id": box.simulator("kadal").other_chat_bot_id}


@pytest.mark.parametrize(
    "form", [lambda ref: ref, str, lambda ref: AnswerRef.parse(str(ref))], ids=["ref", "text", "read"]
)
def test_an_answer_is_rated_by_its_reference(form, client, user):
    answer = client.chat(KNOWN, user=user)
    receipt = client.feedback(form(answer.ref), Rating.UP, user=user)
    assert receipt.answer_id == answer.id


def test_the_reference_of_an_answer_names_backend_scope_thread_and_id(client, vendor, box, user):
    answer = client.chat(KNOWN, user=user)
    scope = box.settings(vendor)["project_id" if vendor == "kapa" else "chat_bot_id"]
    expected = AnswerRef(vendor, answer.id, thread=answer.thread.id, user=answer.thread.user, scope=scope)
    assert answer.ref == expected
    assert answer.thread.scope == scope


def test_a_streamed_answer_has_the_same_reference_as_its_row_in_the_history(client, user):
    with client.stream(KNOWN, user=user) as stream:
        answer = stream.answer
    (row,) = client.history(answer.thread)
    assert (row.ref.id, row.ref.scope, row.ref.user) == (answer.ref.id, answer.ref.scope, answer.ref.user)
    client.feedback(str(row.ref), "down", user=user)


def test_rows_of_a_whole_history_have_references(client, vendor, user):
    client.chat(KNOWN, user=None if vendor == "kadal" else user)
    newest = next(iter(client.history(newest_first=True)))
    assert newest.ref.scope is not None
    assert client.feedback(newest.ref, "up", user=user).answer_id == newest.id


@pytest.mark.parametrize("form", [lambda answer: answer, lambda answer: answer.ref, lambda answer: str(answer.ref)])
def test_an_answer_of_another_bot_or_project_is_not_rated(form, connect, vendor, box, user):
    answer = connect(vendor).chat(KNOWN, user=user)
    stranger = connect(vendor, **other_scope(box, vendor))
    sent = box.simulator(vendor).requests
    before = len(sent)
    with pytest.raises(ThreadMismatch, match="the answer belongs to the"):
        stranger.feedback(form(answer), Rating.UP, user=user)
    with pytest.raises(ThreadMismatch, match="the thread belongs to the"):
        stranger.continue_thread(answer, KNOWN)
    assert len(sent) == before


def test_a_thread_without_a_scope_that_was_kept_from_before_still_works(client, vendor, user):
    answer = client.chat(KNOWN, user=user)
    kept = ThreadRef(vendor, answer.thread.id, user=answer.thread.user, position=answer.thread.position)
    more = client.continue_thread(str(kept), "And the backoff?", user=user)
    assert more.thread.id == answer.thread.id
    assert list(client.history(kept))


@pytest.mark.parametrize("threads", ["per-user", "isolated"])
def test_somebody_else_may_rate_an_answer(threads, vendor, connect, box, user):
    client = connect(vendor, **({"threads": threads} if vendor == "kadal" else {}))
    answer = client.chat(KNOWN, user=user)
    for rated in (answer, answer.ref, str(answer.ref), answer.id):
        assert client.feedback(rated, Rating.DOWN, user=f"{user}-else").answer_id == answer.id
    assert client.feedback(answer, Rating.UP, user=user).rating is Rating.UP


@pytest.mark.unproxied("the vendor follows another reading of an open point: ids of answers are text")
def test_an_answer_whose_id_is_text_is_rated(connect, box, user):
    quirks = box.simulator("kadal").quirks
    quirks.id_type = "object_id"
    try:
        client = connect("kadal")
        answer = client.chat(KNOWN, user=user)
        (row,) = client.history(answer.thread)
        assert not answer.id.isdigit()
        assert row.id == answer.id
        for rated in (answer, row, answer.id, str(answer.ref)):
            assert client.feedback(rated, "up").answer_id == answer.id
    finally:
        quirks.id_type = "int"


def test_a_thread_that_another_one_replaced_before_a_restart_is_stale(connect, user):
    first = connect("kadal")
    old, new = first.chat(KNOWN, user=user), first.chat("Descaling?", user=user)
    restarted = connect("kadal")
    with pytest.raises(StaleThread):
        restarted.continue_thread(str(old.thread), "And then?")
    assert restarted.continue_thread(str(new.thread), "And then?").thread == new.thread
    assert len(list(restarted.history(new.thread))) == 3


def test_where_ids_of_answers_and_rows_differ_a_restart_goes_on(connect, box, user):
    quirks = box.simulator("kadal").quirks
    quirks.response_id_offset = 100_000
    try:
        first = connect("kadal")
        old = first.chat(KNOWN, user=user)
        first.chat("Descaling?", user=user)
        assert connect("kadal").continue_thread(str(old.thread), "And then?").thread == old.thread
    finally:
        quirks.response_id_offset = 0


def test_another_vendors_answer_is_a_mismatch(connect, user):
    answer = connect("kapa").chat(KNOWN, user=user)
    with pytest.raises(ThreadMismatch, match="the answer belongs to kapa"):
        connect("kadal").feedback(str(answer.ref), "up")


def test_a_damaged_reference_is_invalid(client, user):
    answer = client.chat(KNOWN, user=user)
    with pytest.raises(InvalidInput):
        client.feedback(str(answer.ref)[:-2], "up", user=user)
