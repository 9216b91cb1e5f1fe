"""What both classes of conversations share: their settings, their checks, and what they do as programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from unichat._text.log import log
from unichat._text.printable import format_value
from unichat._text.templates import Argument, PythonOnly, Template
from unichat.client.arguments import check_deadline
from unichat.client.base import BaseClient
from unichat.client.values import check_comment, check_user
from unichat.conversations import personal_data, records
from unichat.conversations.entries import Message
from unichat.conversations.erasing import Erasure, PersonEraser, check_age, check_person, expire
from unichat.conversations.leases import Leases
from unichat.conversations.message_handler import MessageHandler
from unichat.conversations.messages import Part, check_id, check_overlap, check_seconds, reference_for, speaker_id
from unichat.conversations.questions import AskedQuestion, Position, read_questions
from unichat.conversations.reactions import Reactions
from unichat.conversations.records import StoredAnswer
from unichat.conversations.stores.address import open_store
from unichat.conversations.stores.base import transact
from unichat.errors import ConfigError, InvalidInput, StoreError, ThreadMismatch
from unichat.execution.effects import Program
from unichat.execution.locks import KeyedLocks
from unichat.models import Answer, FeedbackReceipt, Rating, ThreadRef, User

SHORTEST_LEASE = 1.0


class BaseConversations:
    """The conversations of one bot: a client, and a store that several processes may share."""

    _make_lock: Callable[[], Any]

    def __init__(
        self,
        client: BaseClient,
        *,
        store: str = "memory:",
        keep_texts: bool = False,
        carry_over: bool = False,
        lease: float = 30.0,
        event_ttl: float = 86400.0,
        reactions: Mapping[str, str | Rating] | None = None,
        overlap: str = "wait",
    ) -> None:
        self._client = client
        self._keep_texts = bool(keep_texts)
        self._carry_over = bool(carry_over)
        self._lease = check_seconds("lease", lease, SHORTEST_LEASE)
        self._event_ttl = check_seconds("event_ttl", event_ttl, 0)
        self._reactions = Reactions(reactions)
        self._overlap = check_overlap(overlap)
        self._closed = False
        self._store = open_store(store)
        self._leases = Leases(self._store, self._lease, client._start_soon)
        # Transactions in threads overtake each other.
        self._arrivals = KeyedLocks(self._make_lock) if self._store.blocks else None

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInput(
                "the conversations are closed",
                hint=Template(PythonOnly("Create new ones with unichat.Conversations.")),
            )

    def _end(self) -> bool:
        """Reject later calls, and close the store; return whether it was open until now."""
        was_open, self._closed = not self._closed, True
        self._leases.close()
        self._store.close()
        return was_open

    def _arrive(
        self, key: str, text: object, *, user: object, event: object, metadata: object, deadline: object
    ) -> Callable[[], MessageHandler]:
        """Check a message before anything else happens; return a function that lets its deadline begin."""
        self._check_open()
        client = self._client
        client._check_open()
        checked = client._arguments.chat("chat", text, user=user, metadata=metadata, options={})
        part = Part(speaker_id(checked.user), None if event is None else check_id("event", event), checked.question)
        seconds = check_deadline(deadline)

        def begin() -> MessageHandler:
            # A stream is sent only when its block is entered.
            self._check_open()
            within = client._begin_deadline(seconds, "question")
            message = Message(
                conversation=key,
                part=part,
                token=os.urandom(16).hex(),
                overlap=self._overlap,
                lease=self._lease,
                event_ttl=self._event_ttl,
                gives_up_after=within.remaining(),
                question_limit=client.capabilities.question_limit,
            )
            return MessageHandler(
                client=client,
                store=self._store,
                leases=self._leases,
                arrivals=self._arrivals,
                keep_texts=self._keep_texts,
                carry_over=self._carry_over,
                message=message,
                user=checked.user,
                metadata=checked.metadata,
                deadline=within,
            )

        return begin

    def _load(self, key: str) -> Program[ThreadRef | None]:
        return transact(self._store, lambda tx: records.read_thread(tx, key), writes=False)

    def _reset(self, key: str) -> Program[None]:
        return transact(self._store, lambda tx: records.reset(tx, key))

    def _post(self, answer: object, message_id: object) -> Program[None]:
        self._check_open()
        if not isinstance(answer, Answer):
            raise InvalidInput(
                f"the answer is {format_value(answer)}",
                argument="answer",
                hint=Template(PythonOnly("Pass the Answer that the message shows.")),
            )
        if answer.id is None:
            raise InvalidInput(
                "the answer has no id, so it can never be rated",
                argument="answer",
                hint="Pass an answer of the vendor's: one that was joined is not posted.",
            )
        message, posted = check_id("message_id", message_id), answer
        return transact(self._store, lambda tx: records.post(tx, posted, message))

    def _rate_message(
        self, message_id: object, reaction: Any, *, user: object, comment: object
    ) -> Program[FeedbackReceipt | None]:
        """Return the program that rates the answer shown in a message."""
        self._check_open()
        message = check_id("message_id", message_id)
        verdict, rater, checked = self._reactions.verdict(reaction), check_user(user), check_comment(comment)

        def rate() -> Program[FeedbackReceipt | None]:
            if verdict is None:
                return None
            stored = yield from transact(self._store, lambda tx: records.read_shown_answer(tx, message), writes=False)
            return None if stored is None else (yield from self._rate(stored, verdict, rater, checked))

        return rate()

    def _rate_latest(
        self, key: str, reaction: Any, *, user: object, comment: object
    ) -> Program[FeedbackReceipt | None]:
        """Return the program that rates the newest answer of a conversation."""
        self._check_open()
        verdict, rater, checked = self._reactions.verdict(reaction), check_user(user), check_comment(comment)

        def rate() -> Program[FeedbackReceipt | None]:
            stored = yield from transact(self._store, lambda tx: records.read_latest_answer(tx, key), writes=False)
            if stored is None:
                raise InvalidInput(
                    f"there is no answer to rate in the conversation {format_value(key)}",
                    argument="reaction",
                    hint="Ask first.",
                )
            return None if verdict is None else (yield from self._rate(stored, verdict, rater, checked))

        return rate()

    def _rate(
        self, stored: StoredAnswer, verdict: Rating, rater: User | None, comment: Any
    ) -> Program[FeedbackReceipt]:
        client = self._client
        if stored.backend is not None and stored.thread is None and not client._reaches(stored.backend):
            raise ThreadMismatch(
                f"the answer is {stored.backend}'s, and this client talks to {client.backend}",
                hint="Rate it with a client of that vendor.",
                backend=client.backend,
                operation="feedback",
                expected=client.backend,
                found=stored.backend,
            )
        named = rater
        if rater is None and client._find_capabilities(stored.thread).feedback_needs_user:
            named = _name_somebody(stored)
        receipt = yield from client._rate(
            stored.rating_target, verdict, user=named, comment=comment, deadline=None, on_unsupported=None, options={}
        )
        keep = partial(
            records.keep_rating,
            entry=stored.entry,
            rater=speaker_id(rater) or (stored.speaker if named is not None else None),
            rating=verdict,
            comment=comment,
            keep_texts=self._keep_texts,
        )
        try:
            yield from transact(self._store, keep)
        except StoreError as error:
            log.error("a rating that the vendor has was not stored: %s", error)
        return receipt

    def _export(self, user: object) -> Program[dict[str, Any]]:
        self._check_open()
        person = check_person(user)
        return transact(self._store, lambda tx: personal_data.export(tx, person), writes=False)

    def _erase(self, user: object) -> Program[Erasure]:
        self._check_open()
        client = self._client
        erasing = PersonEraser(
            store=self._store,
            leases=self._leases,
            client=client,
            begin_deadline=lambda: client._begin_deadline(kind="question"),
            caller=client._caller,
        )
        return erasing.erase(check_person(user))

    def _expire(self, older_than: object) -> Program[int]:
        self._check_open()
        return expire(self._store, check_age(older_than), self._client._begin_deadline())

    def _read_questions(self) -> Callable[[Position], Program[tuple[list[AskedQuestion], Position | None]]]:
        """Check that there may be questions; return a function that reads them from a position on."""
        self._check_open()
        if not self._keep_texts:
            raise InvalidInput(
                "what people asked is not kept",
                argument="keep_texts",
                hint=Template("Pass ", Argument("keep_texts", "True"), ": questions are kept from then on."),
            )

        def read(position: Position) -> Program[tuple[list[AskedQuestion], Position | None]]:
            self._check_open()
            return transact(self._store, partial(read_questions, position=position), writes=False)

        return read

    def __repr__(self) -> str:
        return f"<unichat conversations in {self._store.name}>"


def _name_somebody(stored: StoredAnswer) -> User | None:
    """Return whom a rating is from where the vendor needs somebody and nobody was named: who asked, if known."""
    if stored.speaker is not None:
        return User(stored.speaker)
    return None if stored.conversation is None else User(reference_for(stored.conversation))


def check_client(client: object, kind: type[BaseClient], other: str) -> None:
    """Check that a client is of the kind that a class of conversations needs.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(client, kind):
        raise ConfigError(
            f"the client is {format_value(client)}, not a {kind.__name__}",
            key="client",
            hint=f"Pass a {kind.__name__}, or use unichat.{other}.",
        )
