"""Handles a line of `unichat chat`: a question, streamed, or one of the commands."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import click

from unichat._text.printable import is_blank
from unichat.cli import output
from unichat.cli.failures import option_names, print_error, suggestion
from unichat.cli.words import describe_error
from unichat.client.sync_client import Client
from unichat.errors import NotFound, StreamInterrupted, ThreadMismatch, UnichatError
from unichat.models import Answer, Rating, ThreadRef

COMMANDS = {
    "/up": "rate the last answer up; any text after it is the comment",
    "/down": "rate the last answer down; any text after it is the comment",
    "/history": "show this thread as the vendor has it",
    "/reset": "start a new thread with the next question",
    "/help": "show these commands",
    "/quit": "end (or Ctrl-D)",
}
"""The commands of a chat. A question that begins with a slash needs a space before it."""


class Conversation:
    """One person and one bot: the thread, and the last question's answer, which ratings are for.

    An answer that broke or was stopped counts as far as it came: the vendor keeps what it has named.
    """

    def __init__(self, client: Client, *, thread: ThreadRef | None, user: str | None) -> None:
        self._client = client
        self._thread = thread
        # Some vendors need to know one person from another, and some only whose rating it is: a new one for each chat.
        needs, stranger = client.capabilities, str(uuid.uuid4())
        remembered = thread.user if thread is not None else None
        self._user = user or (stranger if needs.needs_user and remembered is None else None)
        self._feedback_user = user or self._user or (stranger if needs.feedback_needs_user else None)
        self._has_asked = False
        self._last_answer: Answer | None = None
        self._commands: dict[str, Callable[[str], bool]] = {
            "/up": lambda text: self._rate(Rating.UP, text),
            "/down": lambda text: self._rate(Rating.DOWN, text),
            "/history": self._history,
            "/reset": self._reset,
            "/help": self._help,
            "/quit": lambda text: False,
        }

    def handle_line(self, line: str) -> bool:
        """Handle one line, and return whether to continue. Errors of a call are printed, a line each."""
        try:
            if line.startswith("/"):
                name, _, text = line.strip().partition(" ")
                handler = self._commands.get(name)
                return self._report_unknown_command(name) if handler is None else handler(text.strip())
            if not is_blank(line):
                self._ask(line.strip())
        except UnichatError as error:
            self._report_error(error)
        return True

    def _ask(self, question: str) -> None:
        self._has_asked, self._last_answer = True, None
        line_begun, shown = False, ""
        pieces = None
        try:
            pieces = self._client.stream(question, thread=self._thread, user=self._user)
            with pieces:
                for event in pieces:
                    text = event.text
                    if event.replaces and text.startswith(shown):
                        # The vendor repeats what it has said, and goes on.
                        text, shown = text.removeprefix(shown), ""
                    elif event.replaces:
                        # What was printed cannot be taken back: it may have scrolled away, or be in a pipe.
                        output.print_text()
                        output.print_note("The vendor has replaced the answer so far:")
                        line_begun, shown = False, ""
                    click.echo(output.printable(text), nl=False)
                    line_begun = line_begun or bool(text)
                    shown = event.text if event.replaces else shown + text
                answer = pieces.answer
        except KeyboardInterrupt:
            # The terminal has shown ^C.
            line_begun = True
            if pieces is not None and pieces.partial is not None:
                self._keep(pieces.partial)
            raise
        except StreamInterrupted as error:
            self._keep(Answer(text=error.text, thread=error.thread, id=error.answer_id))
            raise
        finally:
            # Whatever comes next, including an error, begins on a new line.
            if line_begun:
                output.print_text()
        self._last_answer, self._thread = answer, answer.thread or self._thread
        output.print_sources(answer.sources)
        output.print_caveats(answer)
        output.print_text()

    def _keep(self, partial: Answer) -> None:
        """Keep what has come of an answer that has no end."""
        self._last_answer = partial if partial.id else None
        self._thread = partial.thread or self._thread

    def _report_error(self, error: UnichatError) -> None:
        print_error(describe_error(error, option_names(click.get_current_context().find_root())))
        if isinstance(error, ThreadMismatch) or (isinstance(error, NotFound) and error.what == "thread"):
            output.print_note("This thread cannot be continued; /reset starts a new one.")

    def _rate(self, rating: Rating, text: str) -> bool:
        if self._last_answer is None:
            why = ": the last question has none that the vendor has named" if self._has_asked else " yet"
            output.print_note(f"There is no answer to rate{why}.")
        else:
            receipt = self._client.feedback(self._last_answer, rating, user=self._feedback_user, comment=text or None)
            output.print_receipt(receipt)
        return True

    def _history(self, text: str) -> bool:
        if self._thread is None:
            output.print_note("Nothing was asked in this thread yet.")
        else:
            for exchange in self._client.history(self._thread):
                output.print_exchange(exchange)
        return True

    def _reset(self, text: str) -> bool:
        self._thread = self._last_answer = None
        self._has_asked = False
        output.print_text("A new thread starts with the next question.")
        return True

    def _help(self, text: str) -> bool:
        for name, meaning in COMMANDS.items():
            output.print_text(f"{name:9} {meaning}")
        return True

    def _report_unknown_command(self, name: str) -> bool:
        output.print_note(
            f"There is no command {name}{suggestion(name, COMMANDS)}. /help lists them; put a space before a "
            "question that begins with a slash."
        )
        return True
