"""`unichat ask`: one question, one answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.target import Target
    from unichat.models import Answer


@click.command("ask")
@click.argument("question", nargs=-1)
@options.thread
@options.user
@options.as_json
@options.target_or_sandbox
def command(target: Target, question: tuple[str, ...], thread: str | None, user: str | None, as_json: bool) -> None:
    """Ask one question.

    The question is the rest of the command line, in quotes or not; without it, or with -, it is read from standard
    input. With --sandbox, a simulated vendor answers; it keeps its threads, so --thread works there as well. On a
    terminal it also answers where there is no config, and says so.
    """
    text = _read_question() if question in ((), ("-",)) else " ".join(question)
    from unichat.models import ThreadRef

    reference = None if thread is None else ThreadRef.parse(thread)
    with target.client_or_sandbox(reference, as_json=as_json) as opened:
        if reference is None:
            answer = opened.client.chat(text, user=user)
        else:
            answer = opened.client.continue_thread(reference, text, user=user)
    if as_json:
        output.print_json(output.answer_json(answer))
    else:
        _print_answer(answer, links=not opened.temporary)
    output.print_caveats(answer)


def _read_question() -> str:
    if sys.stdin.isatty():
        raise click.UsageError("no question: give it after the options, or on standard input.")
    try:
        return sys.stdin.read().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("the question on standard input is not text in this terminal's encoding.") from None


def _print_answer(answer: Answer, *, links: bool) -> None:
    output.print_text(answer.text)
    output.print_sources(answer.sources, links=links)
    if output.is_terminal():
        output.print_text()
        output.print_text(f"answer {answer.id}" if answer.id else "The answer has no id, so it cannot be rated.")
        if answer.thread is not None:
            output.print_text(f"thread {answer.thread}")
