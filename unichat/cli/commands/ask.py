"""`unichat ask`: one question, one answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.target import Target
    from unichat.models import Answer


class _QuestionCommand(click.Command):
    """A command whose argument is text: what begins with a dash and has blanks is not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            texts = self._texts_with_dash(given)
            if error.possibilities or "--" in given:
                raise
            if not texts:
                problem = f"{error.message}. A question that begins with a dash goes after --."
                raise click.NoSuchOption(error.option_name, problem, ctx=ctx) from None
        ctx.params.clear()
        options = [each for number, each in enumerate(given) if number not in texts]
        return super().parse_args(ctx, [*options, "--", *(given[number] for number in texts)])

    def _texts_with_dash(self, args: list[str]) -> list[int]:
        """Return the positions of texts that begin with a dash, but those of values of options."""
        options = [each for each in self.params if isinstance(each, click.Option) and not each.is_flag]
        with_value = {name for each in options for name in each.opts}
        return [
            number
            for number, each in enumerate(args)
            if each.startswith("-") and any(map(str.isspace, each)) and not (number and args[number - 1] in with_value)
        ]


@click.command("ask", cls=_QuestionCommand)
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
        # Windows begins a file with a byte order mark.
        return sys.stdin.read().removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("the question on standard input is not text in this terminal's encoding.") from None


def _print_answer(answer: Answer, *, links: bool) -> None:
    output.print_markdown(answer.text, links=links)
    output.print_sources(answer.sources, links=links)
    if output.is_terminal():
        output.print_text()
        rated = answer.ref or answer.id
        output.print_text(f"answer {rated}" if rated else "The answer has no id, so it cannot be rated.")
        if answer.thread is not None:
            output.print_text(f"thread {answer.thread}")
