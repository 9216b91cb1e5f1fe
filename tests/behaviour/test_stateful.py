"""Random conversations of two users with each vendor, compared with a model of a dozen lines."""

import uuid

import pytest
from attrs import define, field
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.vendors import VENDORS
from unichat import Rating, ThreadRef, errors
from unichat.models import ClearOutcome

from .conftest import KNOWN, UNKNOWN

QUESTIONS = st.sampled_from((KNOWN, UNKNOWN, "Descaling?", "What does the warranty cover?"))


@define
class Spoken:
    """One question with its answer, and each user's last verdict on it."""

    question: str
    text: str
    id: str
    verdicts: dict = field(factory=dict)


@define(eq=False)
class Thread:
    """A thread, as a bot would keep it: text. `said` holds what was said in it, for as long as the vendor has it."""

    user: str
    text: str
    said: list = field(factory=list)
    cleared: bool = False


class Conversations(RuleBasedStateMachine):
    """What every vendor should do; `client` is set by the test."""

    client = vendor = None
    threads = Bundle("threads")

    @initialize()
    def begin(self):
        run = uuid.uuid4().hex
        self.users = [f"{run}-{number}" for number in range(2)]
        self.order = {user: [] for user in self.users}
        self.newest = dict.fromkeys(self.users)
        self.started = {user: [] for user in self.users}

    def note(self, thread, question, answer):
        said = Spoken(question, answer.text, answer.id)
        thread.said.append(said)
        self.order[thread.user].append(said)
        self.newest[thread.user] = thread

    def is_stale(self, thread):
        return not self.client.capabilities.parallel_threads and self.newest[thread.user] is not thread

    @rule(target=threads, number=st.integers(0, 1), question=QUESTIONS, streamed=st.booleans())
    def chat(self, number, question, streamed):
        user = self.users[number]
        if streamed:
            with self.client.stream(question, user=user) as stream:
                text = "".join(event.text for event in stream)
                answer = stream.answer
            assert text == answer.text
        else:
            answer = self.client.chat(question, user=user)
        thread = Thread(user, str(answer.thread))
        self.note(thread, question, answer)
        self.started[user].append(thread)
        return thread

    @rule(thread=threads, question=QUESTIONS, streamed=st.booleans())
    def continue_thread(self, thread, question, streamed):
        def continue_thread():
            if not streamed:
                return self.client.continue_thread(thread.text, question, user=thread.user)
            with self.client.stream(question, thread=thread.text, user=thread.user) as stream:
                return stream.answer

        if self.is_stale(thread) or thread.cleared:
            with pytest.raises(errors.NotFound if thread.cleared else errors.StaleThread):
                continue_thread()
        else:
            answer = continue_thread()
            assert answer.thread == ThreadRef.parse(thread.text)
            self.note(thread, question, answer)

    @rule(thread=threads, place=st.integers(0, 9), rating=st.sampled_from(Rating), other=st.booleans())
    def feedback(self, thread, place, rating, other):
        if not thread.said or not self.client.capabilities.feedback:
            return
        said = thread.said[place % len(thread.said)]
        rater = next(user for user in self.users if (user != thread.user) is other)
        if thread.cleared or (other and not self.vendor.rated_by_anybody):
            with pytest.raises(errors.NotFound):
                self.client.feedback(said.id, rating, user=rater)
            return
        receipt = self.client.feedback(said.id, rating, user=rater)
        assert (receipt.answer_id, receipt.rating) == (said.id, rating)
        said.verdicts[rater] = rating

    def compare(self, found, expected):
        assert [(each.question, each.answer, each.id) for each in found] == [
            (each.question, each.text, each.id) for each in expected
        ]
        if self.vendor.ratings_in_history:
            assert [sorted(each.rating.value for each in row.feedback) for row in found] == [
                sorted(rating.value for rating in said.verdicts.values()) for said in expected
            ]

    @rule(number=st.integers(0, 1), page_size=st.sampled_from((2, 5, None)), newest_first=st.booleans())
    def read_user_history(self, number, page_size, newest_first):
        user = self.users[number]
        if not self.client.capabilities.history:
            return
        found = list(self.client.history(user=user, page_size=page_size, newest_first=newest_first))
        expected = self.order[user]
        if self.vendor.history_by_conversation:
            expected = [said for thread in self.started[user] for said in thread.said]
        self.compare(found, expected[::-1] if newest_first else expected)

    @rule(thread=threads, limit=st.sampled_from((0, 1, 2, None)))
    def read_thread_history(self, thread, limit):
        if not self.client.capabilities.history or thread.cleared:
            return
        expected = thread.said if self.client.capabilities.history_by_thread else self.order[thread.user]
        self.compare(list(self.client.history(thread.text, limit=limit)), expected[:limit])

    @rule(number=st.integers(0, 1))
    def clear(self, number):
        user = self.users[number]
        if not (self.client.capabilities.clear_history and self.client.capabilities.history_by_user):
            with pytest.raises(errors.Unsupported):
                self.client.clear_history(user=user)
            return
        known = self.started[user] or not self.client.capabilities.parallel_threads
        expected = ClearOutcome.CLEARED if known else ClearOutcome.NOTHING_TO_CLEAR
        assert self.client.clear_history(user=user).outcome is expected
        for said in self.order[user]:
            said.verdicts.clear()
        for thread in self.started[user]:
            # A conversation that has an id of its own is gone; one for each user is empty.
            thread.cleared = self.client.capabilities.parallel_threads
        self.order[user], self.started[user] = [], []

    @invariant()
    def ids_are_given_once(self):
        ids = [said.id for user in getattr(self, "users", ()) for said in self.order[user]]
        assert len(ids) == len(set(ids))


def test_random_conversations_go_as_the_model_says(client, vendor):
    class Machine(Conversations):
        pass

    Machine.client, Machine.vendor = client, VENDORS[vendor]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=15,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # No shrinking: a run is short as it is, and over HTTP that would take minutes.
            phases=(Phase.generate,),
        ),
    )
