"""`carry_over`: a thread that has to be started anew is given the earlier exchanges."""

from .vendors import Kadal, Kapa


def test_what_the_store_keeps_is_carried_to_another_vendor(bots):
    talk = bots.worker(keep_texts=True).get("c")
    talk.ask("one", user="ada")
    talk.ask("two", user="ada")
    other = Kadal(bots.clock)
    talk = bots.worker(other, keep_texts=True, carry_over=True).get("c")
    answer = talk.ask("three", user="ada")
    assert (answer.began, answer.carried_over) == ("restarted", 2)
    assert other.questions == [
        "Earlier in this conversation:\n\nQ: one\nA: echo: one\n\nQ: two\nA: echo: two\n\nNow the question is:\n\nthree"
    ]
    # The next one continues, and needs nothing.
    assert talk.ask("four").carried_over == 0
    assert other.questions[1] == "four"


def test_what_only_the_vendor_knows_is_read_from_its_history_while_it_is_reached(bots):
    talk = bots.worker(carry_over=True).get("c")
    talk.ask("one")

    def forget_thread(request):
        # The thread can still be read, but not continued.
        if request.method == "POST" and "/threads/" in request.target:
            gone = Kapa(bots.clock)
            return gone(request)
        return bots.vendor(request)

    bots.clients[-1]._transport.answer = forget_thread
    answer = talk.ask("two")
    assert (answer.began, answer.carried_over) == ("restarted", 1)
    assert bots.vendor.questions[1].endswith("Q: one\nA: echo: one\n\nNow the question is:\n\ntwo")


def test_where_nobody_knows_the_exchanges_the_question_goes_alone(bots):
    bots.worker().get("c").ask("one")
    other = Kadal(bots.clock)
    answer = bots.worker(other, carry_over=True).get("c").ask("two")
    assert (answer.began, answer.carried_over) == ("restarted", 0)
    assert other.questions == ["two"]


def test_nothing_is_carried_unless_it_is_to_be(bots):
    bots.worker(keep_texts=True).get("c").ask("one")
    other = Kadal(bots.clock)
    assert bots.worker(other, keep_texts=True).get("c").ask("two").carried_over == 0
    assert other.questions == ["two"]


def test_what_was_said_before_a_reset_is_not_carried(bots):
    talk = bots.worker(keep_texts=True).get("c")
    talk.ask("before")
    talk.reset()
    talk.ask("after")
    other = Kadal(bots.clock)
    assert bots.worker(other, keep_texts=True, carry_over=True).get("c").ask("two").carried_over == 1
    assert "before" not in other.questions[0]


def test_the_second_move_carries_what_was_said_before_the_first(bots):
    bots.worker(keep_texts=True).get("c").ask("one")
    bots.clock.advance(1)
    kadal, kapa = Kadal(bots.clock), Kapa(bots.clock)
    assert bots.worker(kadal, keep_texts=True, carry_over=True).get("c").ask("two").carried_over == 1
    bots.clock.advance(1)
    assert bots.worker(kapa, keep_texts=True, carry_over=True).get("c").ask("three").carried_over == 2
    (sent,) = kapa.questions
    assert sent.startswith(
        f"Earlier in this conversation:\n\nQ: one\nA: echo: one\n\nQ: two\nA: echo: {kadal.questions[0]}"
    )
    assert sent.endswith("\n\nNow the question is:\n\nthree")


def test_the_second_move_carries_nothing_from_before_a_reset(bots):
    talk = bots.worker(keep_texts=True).get("c")
    talk.ask("before")
    talk.reset()
    bots.clock.advance(1)
    bots.worker(Kadal(bots.clock), keep_texts=True, carry_over=True).get("c").ask("one")
    bots.clock.advance(1)
    kapa = Kapa(bots.clock)
    assert bots.worker(kapa, keep_texts=True, carry_over=True).get("c").ask("two").carried_over == 1
    assert "before" not in kapa.questions[0]


def test_answers_of_an_earlier_version_are_carried_as_far_as_they_are_of_the_thread(bots, store):
    bots.worker(keep_texts=True).get("c").ask("one")
    store.run(lambda tx: tx.run("UPDATE unichat_answers SET resets = NULL"))
    other = Kadal(bots.clock)
    assert bots.worker(other, keep_texts=True, carry_over=True).get("c").ask("two").carried_over == 1


def test_a_stream_carries_over_as_well(bots):
    talk = bots.worker(keep_texts=True, carry_over=True).get("c")
    talk.ask("one")
    bots.vendor.delete_threads()
    with talk.stream("two") as stream:
        assert stream.answer.carried_over == 1
    assert stream.answer.began == "restarted"


def test_questions_that_were_joined_are_carried_as_one_exchange(bots):
    worker = bots.worker(keep_texts=True, overlap="join")
    messages = [bots.ask(worker, text) for text in ("one", "two", "three")]
    for message in messages:
        message.finish()
    other = Kadal(bots.clock)
    answer = bots.worker(other, keep_texts=True, carry_over=True).get("c").ask("four")
    assert answer.carried_over == 2
    assert other.questions[0].count("A: echo: two\n\nthree") == 1


def test_a_kept_text_is_the_persons_own_and_not_what_was_carried(bots):
    bots.worker(keep_texts=True).get("c").ask("one")
    bots.clock.advance(1)
    worker = bots.worker(Kadal(bots.clock), keep_texts=True, carry_over=True)
    worker.get("c").ask("two")
    assert [each.question for each in worker.questions()] == ["one", "two"]


def test_an_event_of_a_question_that_was_carried_is_found_when_its_worker_was_killed(bots):
    bots.worker(keep_texts=True).get("c").ask("one")
    other = Kadal(bots.clock)
    killed = bots.ask(bots.worker(other, keep_texts=True, carry_over=True), "two", event="e2")
    killed.effect.transport.send(killed.effect.request, killed.effect.deadline, limit=10_000)
    killed.kill()
    bots.clock.advance(31)
    answer = bots.worker(other, keep_texts=True, carry_over=True).get("c").ask("two", event="e2")
    assert not answer.maybe_duplicated
    assert answer.began == "restarted"
    assert len(other.questions) == 1
