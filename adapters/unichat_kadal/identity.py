"""Whose conversation a call is about, and the reference that identifies it to Kadal."""

from __future__ import annotations

import uuid

from attrs import frozen

from unichat.adapter import (
    Argument,
    ConversationCall,
    FeedbackCall,
    Method,
    Setting,
    Template,
    check_scope,
    resolve_owner,
    resolve_user_id,
)
from unichat.errors import ThreadMismatch
from unichat.models import ThreadRef
from unichat_kadal.conversations import ISOLATED
from unichat_kadal.settings import KadalSettings

_NAMESPACE = uuid.UUID("6f6c3a5e-9c1f-5d0b-8f4e-2b7f4d1c9a10")
"""Namespace of the UUIDs made from users' ids. It must never change: Kadal keeps conversations under these UUIDs."""


@frozen
class Identity:
    """Checks users and threads with a client's settings. Every check raises before anything is sent."""

    settings: KadalSettings

    @property
    def isolates_threads(self) -> bool:
        """Whether each thread has a reference of its own."""
        return self.settings.threads == "isolated"

    def resolve_owner(self, call: ConversationCall) -> str | None:
        """Return the user whose conversation it is.

        Raises:
            ThreadMismatch: the thread is another bot's or user's, or was made with another value of `threads`.
        """
        self._check_thread(call)
        # In isolated threads, only those who ask may be several.
        alternative = "" if self.isolates_threads else Template(", or set ", Setting("threads", "'isolated'"))
        return resolve_owner(call, alternative=alternative)

    def resolve_speaker(self, call: ConversationCall) -> str | None:
        """Return the user whose conversation a question belongs to. In an isolated thread, anybody may speak."""
        if not self.isolates_threads or call.thread is None:
            return self.resolve_owner(call)
        self._check_thread(call)
        # Not sent: the reference is the thread's.
        resolve_user_id(call)
        return call.thread.user

    def resolve_owner_or_drop(self, call: ConversationCall) -> str | None:
        """Do what `resolve_owner` does; without a thread, a user identifies nothing if threads are isolated."""
        user = self.resolve_owner(call)
        if user is None or call.thread is not None or not self.isolates_threads:
            return user
        call.reject_or_drop(
            "user", "each isolated thread has a user reference of its own", Template("Pass ", Argument("thread"), ".")
        )
        return None

    def rater_reference(self, call: FeedbackCall) -> str | None:
        """Return the reference of the person who rates: who asked, unless the call names somebody else."""
        self._check_thread(call)
        rater, thread = resolve_user_id(call), call.thread
        if thread is not None and rater in (None, thread.user):
            return self.reference(thread.user, thread)
        return self.reference(rater)

    def reference(self, user: str | None, thread: ThreadRef | None = None) -> str | None:
        """Return the `ext_user_id_ref` that identifies the user, or the isolated thread."""
        if thread is not None and self.isolates_threads:
            return str(uuid.uuid5(_NAMESPACE, f"{user or ''}\n{thread.id}"))
        if user is not None and self.settings.user_ids == "uuid5":
            return str(uuid.uuid5(_NAMESPACE, user))
        return user

    def _check_thread(self, call: ConversationCall) -> None:
        check_scope(call, self.settings.chat_bot_id, kind="bot", setting="chat_bot_id")
        if call.thread is None or call.thread.id.startswith(ISOLATED) is self.isolates_threads:
            return
        made, used = ("isolated", "per-user") if not self.isolates_threads else ("per-user", "isolated")
        raise ThreadMismatch(
            f"the thread was made with threads = '{made}', and this client has '{used}'",
            hint=Template(
                "Set ", Setting("threads", f"'{made}'"), " for it, or start a new thread with ", Method("chat"), "."
            ),
            backend="kadal",
            operation=call.operation,
            expected=used,
            found=made,
        )
