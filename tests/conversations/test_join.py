"""`overlap="join"`: what had to wait is asked as one question."""

from unichat.errors import ConnectionFailed, DeadlineExceeded
from unichat.testing.answers import json_answer
from unichat.transport.base import TransportFailure


def start_waiting(bots, *texts, **arguments):
    """A message that is answered, and others that wait behind it, each in a worker of its own."""
    return [bots.ask(bots.worker(overlap="join"), text, event=f"e-{text[:9]}", **arguments) for text in texts]


def test_messages_that_waited_are_asked_as_one_and_the_last_gets_the_answer(bots):
    first, two, three, four = start_waiting(bots, "one", "two", "three", "four")
    first.finish()
    two.finish()
    three.finish()
    four.finish()
    assert bots.vendor.questions == ["one", "two\n\nthree\n\nfour"]
    assert [each.answer.began for each in (two, three, four)] == ["joined", "joined", "continued"]
    assert [each.answer.text for each in (two, three)] == ["", ""]
    assert four.answer.text == "echo: two\n\nthree\n\nfour"


def test_the_others_are_done_at_once_whoever_looks_first(bots):
    first, two, three, four = start_waiting(bots, "one", "two", "three", "four")
    first.finish()
    assert four.go_on().waits
    assert three.go_on().waits
    assert two.go_on().answer.began == "joined"
    assert three.go_on().answer.began == "joined"
    assert four.go_on().asks


def test_a_joined_event_counts_as_answered(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    for each in (first, two, three):
        each.finish()
    again = bots.worker(overlap="join").get("c").ask("two", event="e-two")
    assert again.began == "joined"
    assert bots.vendor.questions == ["one", "two\n\nthree"]


def test_a_message_that_comes_after_the_joining_waits_for_the_next_turn(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    first.finish()
    two.go_on()
    (late,) = start_waiting(bots, "late")
    assert three.go_on().asks
    three.finish()
    late.finish()
    assert bots.vendor.questions == ["one", "two\n\nthree", "late"]


def test_what_would_pass_the_question_limit_waits_for_the_next_turn(bots):
    long = "x" * (bots.worker()._client.capabilities.question_limit - 7)
    first, two, three, four = start_waiting(bots, "one", f"a{long}", f"b{long}", "four")
    for each in (first, two, three, four):
        each.finish()
    assert bots.vendor.questions == ["one", f"a{long}", f"b{long}\n\nfour"]


def test_a_message_whose_deadline_runs_out_leaves_the_joint_question(bots):
    first = bots.ask(bots.worker(overlap="join"), "one")
    two = bots.ask(bots.worker(overlap="join"), "two", deadline=10)
    three = bots.ask(bots.worker(overlap="join"), "three")
    bots.clock.advance(11)
    first.finish()
    assert isinstance(two.go_on().error, DeadlineExceeded)
    three.finish()
    assert bots.vendor.questions == ["one", "three"]


def test_a_message_that_does_not_look_any_more_does_not_get_the_joint_question(bots):
    first = bots.ask(bots.worker(overlap="join"), "one")
    two = bots.ask(bots.worker(overlap="join"), "two")
    bots.ask(bots.worker(overlap="join"), "three", deadline=10).kill()
    bots.clock.advance(10)
    first.finish()
    two.finish()
    assert bots.vendor.questions == ["one", "two"]


def test_waiting_texts_stand_in_the_store_only_while_they_wait(bots, store):
    def texts():
        return str(store.run(lambda tx: tx.rows("SELECT * FROM unichat_tickets")))

    first, two, three = start_waiting(bots, "first", "two", "three")
    assert '"first"' not in texts()
    assert '"three"' in texts()
    for each in (first, two, three):
        each.finish()
    assert texts() == "[]"
    everything = [
        store.run(lambda tx, table=table: str(tx.rows(f"SELECT * FROM unichat_{table}")))
        for table in ("conversations", "answers")
    ]
    assert "three" not in "".join(everything)


def test_what_was_said_before_is_asked_when_the_worker_of_the_joint_question_is_killed(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    first.finish()
    two.finish()
    three.kill()
    bots.clock.advance(31)
    bots.worker(overlap="join").get("c").ask("four")
    assert bots.vendor.questions == ["one", "two\n\nfour"]


def test_a_joint_question_that_fails_is_asked_again_as_a_whole(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    first.finish()
    two.finish()
    three.go_on()
    three.effect.transport.answer = lambda request: json_answer({"detail": "no"}, 400)
    three.finish()
    assert three.error is not None
    bots.worker(overlap="join").get("c").ask("three", event="e-three")
    assert bots.vendor.questions == ["one", "two\n\nthree"]


def test_a_joint_question_whose_worker_was_killed_while_it_was_out_is_looked_for(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    first.finish()
    two.finish()
    three.go_on()
    three.effect.transport.send(three.effect.request, three.effect.deadline, limit=10_000)
    three.kill()
    bots.clock.advance(31)
    answer = bots.worker(overlap="join").get("c").ask("three", event="e-three")
    assert answer.text == "echo: two\n\nthree"
    assert not answer.maybe_duplicated


def test_a_joint_question_whose_worker_was_killed_before_it_went_out_is_asked_as_a_whole(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    first.finish()
    two.finish()
    three.go_on()
    three.kill()
    bots.clock.advance(31)
    answer = bots.worker(overlap="join").get("c").ask("three", event="e-three")
    assert answer.text == "echo: two\n\nthree"
    assert answer.maybe_duplicated


def test_a_joint_question_that_cannot_be_looked_for_yet_is_asked_later_with_nothing_twice(bots):
    first, two, three = start_waiting(bots, "one", "two", "three")
    first.finish()
    two.finish()
    while not three.asks:
        three.go_on()
    three.kill()
    bots.clock.advance(31)
    worker = bots.worker(overlap="join", attempts=1)
    transport = bots.clients[-1]._transport
    vendor, transport.answer = transport.answer, lambda request: TransportFailure("refused", phase="connecting")
    assert isinstance(bots.ask(worker, "three", event="e-three").finish().error, ConnectionFailed)
    transport.answer = vendor
    # What the lost question may have told the vendor is not another message's.
    bots.ask(worker, "four").finish()
    bots.ask(worker, "three", event="e-three").finish()
    assert bots.vendor.questions == ["one", "four", "two\n\nthree"]
