"""What is stored, how a person gets to see it, and how it goes away."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from unichat import Answer, Rating, ThreadRef, User
from unichat.conversations import personal_data
from unichat.conversations.encoding import encode_answer, encode_thread
from unichat.conversations.erasing import PersonEraser
from unichat.errors import DeadlineExceeded, InvalidInput
from unichat.testing.answers import json_answer

from .stepping import Worker
from .vendors import Kadal

TABLES = ("conversations", "tickets", "events", "answers", "messages", "ratings")


def dump(store):
    return {table: store.run(lambda tx, table=table: tx.rows(f"SELECT * FROM unichat_{table}")) for table in TABLES}


def talk_about_everything(worker, key="c", user="ada"):
    talk = worker.get(key)
    answer = talk.ask("a private question", user=user, event=f"e-{user}")
    worker.posted(answer, f"m-{key}-{user}")
    worker.rate(f"m-{key}-{user}", "👍", user=user)
    return answer


def test_only_ids_are_stored_by_default(bots, store):
    worker = bots.worker()
    answer = talk_about_everything(worker)
    worker.rate("m-c-ada", "down", user="ben", comment="a private comment")
    found = dump(store)
    events = str(found.pop("events"))
    assert answer.text in events
    assert "private" not in str(found)
    assert "private comment" not in events


def test_a_thread_that_holds_the_conversation_itself_is_not_stored_with_each_answer(bots, store):
    worker = bots.worker()
    answer = Answer(text="a", id="a-1", thread=ThreadRef("kapa", "t-1", state="c2FpZA"))
    worker.posted(answer, "m1")
    assert "t-1" in str(dump(store))
    assert "c2FpZA" not in str(dump(store))
    assert "c2FpZA" not in encode_answer(answer, encode_thread(answer.thread))


def test_texts_are_stored_if_they_are_to_be(bots, store):
    worker = bots.worker(keep_texts=True)
    talk_about_everything(worker)
    worker.rate("m-c-ada", "down", user="ben", comment="a private comment")
    found = dump(store)
    assert "a private question" in str(found["answers"])
    assert "echo: a private question" in str(found["answers"])
    assert "a private comment" in str(found["ratings"])


def test_a_persons_export_has_everything_of_theirs_and_nothing_of_others(bots):
    worker = bots.worker(keep_texts=True)
    answer = talk_about_everything(worker)
    talk_about_everything(worker, user="ben")
    talk_about_everything(worker, key="d", user="ben")
    worker.rate("m-d-ben", "down", user="ada", comment="wrong")
    exported = worker.export(user="ada")
    assert json.loads(json.dumps(exported)) == exported
    assert exported["user"] == "ada"
    first, second = exported["conversations"]
    assert (first["key"], second["key"]) == ("c", "d")
    assert [each["question"] for each in first["answers"]] == ["a private question"]
    assert first["answers"][0]["answer_id"] == answer.id
    assert first["answers"][0]["messages"] == ["m-c-ada"]
    assert first["ratings"][0]["rating"] == "up"
    assert [each["event"] for each in first["events"]] == ["e-ada"]
    assert first["events"][0]["answer"]["text"] == answer.text
    assert datetime.fromisoformat(first["answers"][0]["at"]).tzinfo is not None
    assert second["answers"] == []
    assert second["ratings"][0]["comment"] == "wrong"
    assert "ben" not in str(exported["conversations"]).replace("m-d-ben", "")


def test_an_export_of_somebody_unknown_is_empty(bots):
    assert bots.worker().export(user="nobody") == {"user": "nobody", "conversations": []}


def test_an_export_has_what_waits_for_an_answer(bots):
    worker = bots.worker(overlap="join")
    bots.ask(worker, "one", user="ben")
    bots.ask(worker, "two", user="ada")
    assert worker.export(user="ada")["conversations"][0]["waiting"] == ["two"]
    assert worker.export(user="ben")["conversations"][0]["waiting"] == []


@pytest.mark.parametrize("user", [None, "", 7, User(metadata={"a": 1}), "\ud800"])
def test_a_person_without_an_id_has_no_data(bots, user):
    worker = bots.worker()
    for call in (worker.export, worker.erase):
        with pytest.raises(InvalidInput):
            call(user=user)


def test_a_person_known_by_an_email_only_is_found_by_it(bots):
    worker = bots.worker()
    worker.get("c").ask("one", user=User(email="ada@example.org"))
    assert worker.export(user="ada@example.org")["conversations"]
    assert worker.export(user=User(email="ada@example.org"))["conversations"]


def test_erasing_removes_everything_of_a_person(bots, store):
    worker = bots.worker(keep_texts=True)
    talk_about_everything(worker)
    report = worker.erase(user="ada")
    assert report.removed >= 5
    assert dump(store) == {table: [] for table in TABLES}
    assert worker.export(user="ada")["conversations"] == []
    assert worker.erase(user="ada").removed == 0


def test_erasing_leaves_others_alone(bots, store):
    worker = bots.worker(keep_texts=True)
    talk_about_everything(worker)
    talk_about_everything(worker, user="ben")
    worker.rate("m-c-ben", "down", user="ada")
    report = worker.erase(user="ada")
    assert report.cleared == ()
    assert report.not_cleared == {"c": "others have spoken in it"}
    # As a word: the hexadecimal ids of entries may contain these letters.
    assert not re.search(r"\bada\b", str(dump(store)))
    rest = worker.export(user="ben")["conversations"][0]
    assert (len(rest["answers"]), len(rest["ratings"]), len(rest["events"])) == (1, 1, 1)
    assert worker.rate("m-c-ben", "up").rating is Rating.UP
    assert worker.get("c").ask("two", user="ben").began == "continued"


def test_erasing_clears_at_the_vendor_where_that_can_be_done(make_bots):
    bots = make_bots(Kadal)
    worker = bots.worker()
    talk_about_everything(worker)
    worker.get("c").reset()
    worker.get("c").ask("two", user="ada")
    worker.get("d").ask("another's", user="ben")
    report = worker.erase(user="ada")
    assert (report.cleared, dict(report.not_cleared)) == (("c",), {})
    assert bots.vendor.questions == ["another's"]


def test_erasing_says_why_a_vendor_was_not_cleared(bots):
    worker = bots.worker()
    answer = talk_about_everything(worker)
    report = worker.erase(user="ada")
    assert "no call that clears" in report.not_cleared["c"]
    assert str(answer.thread) in report.not_cleared["c"]


def test_erasing_at_another_vendor_after_a_switch_says_so_and_removes_the_rows(bots, store):
    talk_about_everything(bots.worker())
    report = bots.worker(Kadal(bots.clock)).erase(user="ada")
    assert "belongs to kapa" in report.not_cleared["c"]
    assert dump(store)["answers"] == []


def test_erasing_goes_on_where_the_vendor_fails(make_bots, store):
    bots = make_bots(Kadal)
    worker = bots.worker(attempts=1)
    talk_about_everything(worker)
    bots.clients[-1]._transport.answer = lambda request: json_answer({"status_code": 500}, 500)
    report = worker.erase(user="ada")
    assert "c" in report.not_cleared
    assert dump(store)["answers"] == []


def test_erasing_tries_each_thread_and_reports_each_that_was_not_cleared(bots, store):
    worker = bots.worker(attempts=1)
    threads = [talk_about_everything(worker).thread]
    worker.get("c").reset()
    threads.append(worker.get("c").ask("two", user="ada").thread)
    report = worker.erase(user="ada")
    assert report.cleared == ()
    for thread in threads:
        assert str(thread) in report.not_cleared["c"]
    assert dump(store)["answers"] == []


def leave_a_stream(talk, text, user=None):
    """Leave it when the vendor has named its thread; return that."""
    with talk.stream(text, user=user) as stream:
        next(stream)
        next(stream)
    return stream.partial.thread


def test_erasing_knows_the_thread_of_an_answer_that_broke_off(bots, store):
    worker = bots.worker()
    talk = worker.get("c")
    thread = leave_a_stream(talk, "one", "ada")
    talk.reset()
    assert talk.ask("two", user="ada").thread != thread
    assert [each["answers"] for each in store.run(personal_data.list_conversations)] == [1]
    assert str(thread) in worker.erase(user="ada").not_cleared["c"]
    assert dump(store) == {table: [] for table in TABLES}


def test_a_thread_whose_answers_broke_off_is_kept_once(bots, store):
    talk = bots.worker().get("c")
    for text in ("one", "two", "three"):
        leave_a_stream(talk, text, "ada")
    assert len(dump(store)["answers"]) == 1


@pytest.mark.parametrize("event", [None, "e1"])
@pytest.mark.parametrize("ending", ["failed", "killed"])
def test_one_whose_question_was_received_without_an_answer_has_spoken(bots, event, ending):
    worker = bots.worker(attempts=1)
    worker.get("c").ask("one", user="ada")
    message = bots.ask(worker, "two", user="ben", event=event)
    if ending == "failed":
        message.interrupt(ConnectionError("no answer"))
    else:
        message.kill()
        bots.clock.advance(31)
    assert worker.erase(user="ada").not_cleared == {"c": "others have spoken in it"}


def test_one_whose_only_question_was_received_without_an_answer_is_found(bots, store):
    worker = bots.worker(attempts=1)
    bots.ask(worker, "one", user="ada").interrupt(ConnectionError("no answer"))
    assert worker.erase(user="ada").not_cleared == {"c": "no thread of it is known"}
    assert dump(store) == {table: [] for table in TABLES}


def test_erasing_without_a_client_names_each_thread_that_is_left(bots):
    worker = bots.worker()
    threads = [talk_about_everything(worker).thread]
    worker.get("c").reset()
    threads.append(worker.get("c").ask("two", user="ada").thread)
    client = bots.clients[-1]
    eraser = PersonEraser(
        store=worker._store,
        leases=worker._leases,
        client=None,
        begin_deadline=lambda: client._begin_deadline(kind="question"),
        caller=client._caller,
    )
    report = Worker(eraser.erase("ada"), bots.clock).finish().answer
    for thread in threads:
        assert str(thread) in report.not_cleared["c"]


def test_erasing_waits_for_a_message_that_is_answered(bots, store):
    worker = bots.worker()
    first = bots.ask(worker, "one", user="ada")
    erasing = Worker(worker._erase("ada"), bots.clock)
    assert erasing.waits
    assert erasing.go_on().waits
    first.finish()
    assert erasing.finish().answer.removed > 0
    assert dump(store)["answers"] == []


def test_messages_wait_for_an_erasure(make_bots):
    bots = make_bots(Kadal)
    worker = bots.worker()
    worker.get("c").ask("one", user="ada")
    erasing = Worker(worker._erase("ada"), bots.clock)
    assert erasing.asks
    message = bots.ask(worker, "two", user="ada")
    assert message.waits
    erasing.finish()
    assert message.finish().answer.began == "started"


def test_erasing_that_waits_too_long_says_so(bots):
    worker = bots.worker()
    first = bots.ask(worker, "one", user="ada")
    erasing = Worker(worker._erase("ada"), bots.clock)
    while not erasing.done:
        Worker(worker._leases.renew())
        erasing.go_on()
    assert isinstance(erasing.error, DeadlineExceeded)
    assert first.finish().answer.began == "started"


def test_erasing_removes_texts_that_were_left_over(bots, store):
    worker = bots.worker(overlap="join")
    first = bots.ask(worker, "one", user="ben")
    two = bots.ask(worker, "a secret of ada", user="ada")
    three = bots.ask(worker, "words of ben", user="ben")
    last = bots.ask(worker, "last", user="cem")
    first.finish()
    two.finish()
    three.finish()
    last.kill()
    bots.clock.advance(31)
    worker.erase(user="ada")
    found = str(dump(store))
    assert "secret" not in found
    assert "words of ben" in found


def test_what_was_erased_is_gone_from_the_files(bots, address, tmp_path):
    worker = bots.worker(keep_texts=True)
    for number in range(30):
        talk = worker.get(f"key-of-needle-{number}")
        talk.ask("a needle in the question", user="needle-person", event=f"needle-{number}")
    worker.get("c").ask("hay", user="ben")
    report = worker.erase(user="needle-person")
    assert report.removed >= 90
    if address.startswith("sqlite"):
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"hay" in content
        assert b"needle" not in content


def test_what_is_old_expires(bots, store):
    worker = bots.worker(keep_texts=True)
    talk_about_everything(worker, key="old")
    talk_about_everything(worker, key="used")
    bots.clock.advance(10 * 86_400)
    worker.get("used").ask("new", user="ben")
    removed = worker.expire(older_than=timedelta(days=5))
    assert removed >= 8
    assert [row[0] for row in dump(store)["conversations"]] == ["used"]
    assert [row[7] for row in dump(store)["answers"]] == ["new"]
    assert dump(store)["messages"] == dump(store)["ratings"] == []
    assert worker.expire(older_than=timedelta(days=5)) == 0
    # It goes on, and the vendor still has it all.
    assert worker.get("used").ask("newer").began == "continued"


def test_a_conversation_that_is_in_use_does_not_expire(bots, store):
    worker = bots.worker()
    first = bots.ask(worker, "one")
    bots.clock.advance(20)
    worker.expire(older_than=timedelta(seconds=1))
    assert first.finish().answer.began == "started"
    assert len(dump(store)["conversations"]) == 1


@pytest.mark.parametrize("age", [None, 30, "30d", timedelta(0), timedelta(days=-1)])
def test_an_age_that_is_none_is_refused(bots, age):
    with pytest.raises(InvalidInput):
        bots.worker().expire(older_than=age)


def test_questions_are_given_with_answers_and_ratings(bots):
    worker = bots.worker(keep_texts=True)
    talk_about_everything(worker)
    bots.clock.advance(60)
    worker.get("d").ask("two")
    first, second = worker.questions()
    assert (first.question, first.answer, first.key, first.user) == (
        "a private question", "echo: a private question", "c", "ada",
    )  # fmt: skip
    assert first.uncertain is False
    assert first.ratings == (Rating.UP,)
    assert first.at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert (second.question, second.user, second.ratings) == ("two", None, ())


def test_questions_since_a_time_are_given(bots):
    worker = bots.worker(keep_texts=True)
    worker.get("c").ask("one")
    bots.clock.advance(60)
    worker.get("c").ask("two")
    since = datetime.fromtimestamp(1_800_000_030, UTC)
    assert [each.question for each in worker.questions(since=since)] == ["two"]


def test_many_questions_are_read_in_order_and_once(bots):
    worker = bots.worker(keep_texts=True)
    for number in range(450):
        # Several at the same time.
        bots.clock.advance(number % 3)
        worker.get("c").ask(str(number))
    found = [int(each.question) for each in worker.questions()]
    assert sorted(found) == list(range(450))
    assert [each.at for each in worker.questions()] == sorted(each.at for each in worker.questions())


def test_questions_that_are_not_kept_cannot_be_read(bots):
    with pytest.raises(InvalidInput, match="not kept"):
        bots.worker().questions()


@pytest.mark.parametrize("since", ["2026-01-01", 0, datetime(2026, 1, 1)])
def test_a_time_without_a_zone_is_refused(bots, since):
    with pytest.raises(InvalidInput):
        bots.worker(keep_texts=True).questions(since=since)


def test_questions_that_were_joined_are_each_persons_own(bots, store):
    worker = bots.worker(keep_texts=True, overlap="join")
    messages = [bots.ask(worker, text, user=user) for text, user in (("one", "ada"), ("two", "ada"), ("three", "ben"))]
    for message in messages:
        message.finish()
    assert sorted((each.question, each.user) for each in worker.questions()) == [
        ("one", "ada"), ("three", "ben"), ("two", "ada"),
    ]  # fmt: skip
    worker.erase(user="ada")
    assert [each.question for each in worker.questions()] == ["three"]
