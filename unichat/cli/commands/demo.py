"""`unichat demo`: the same calls on every simulated vendor, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from unichat.cli import options, output
from unichat.cli.failures import FAILED

if TYPE_CHECKING:
    from unichat.client.sync_client import Client
    from unichat.models import Answer

USER = "demo-user"
QUESTION = "What is a thread?"
FOLLOW_UP = "How can I store it and continue it later?"
STREAMED = "How do I switch vendors by config?"
COMMENT = "An example would help."
_EXCERPT = 160
"""Characters of an answer that are shown."""

Call = Callable[[], "Step"]


class Step(NamedTuple):
    """The result of one step: `outcome` is ok, unsupported or failed; a short `summary`; `details` for JSON."""

    outcome: str
    summary: str
    details: Mapping[str, Any]


class _NoAnswer(Exception):
    """A step needs the answer of one that failed."""


class _Answers(dict[str, "Answer"]):
    """The answers so far, by the step that asked."""

    def __missing__(self, step: str) -> NoReturn:
        raise _NoAnswer(f"needs the answer of {step}, which failed")


@click.command("demo")
@click.option("--docs", type=click.Path(), metavar="FOLDER", help="Markdown to answer from, instead of unichat's docs.")
@click.option("--question", default=QUESTION, metavar="TEXT", show_default=True, help="What to ask first.")
@options.as_json
def command(docs: str | None, question: str, as_json: bool) -> None:
    """Show both vendors side by side, in a sandbox.

    Asks, continues, streams, rates, lists and clears, with the same code for each vendor, over HTTP on this machine.
    A step that a vendor has no call for is `unsupported`; if one fails, the exit code is 1.
    """
    from unichat import connect, sandbox
    from unichat.cli.target import configure_logging

    configure_logging()
    results: dict[str, dict[str, Step]] = {}
    with sandbox.start(docs=docs) as box:
        for backend in box.backends:
            with connect(backend, **box.settings(backend)) as client:
                results[backend] = {name: _run_step(call) for name, call in steps(client, question)}
    if as_json:
        output.print_json(
            {
                backend: {name: {"outcome": step.outcome, **step.details} for name, step in steps.items()}
                for backend, steps in results.items()
            }
        )
    else:
        _print_results(results)
    if any(step.outcome == "failed" for steps in results.values() for step in steps.values()):
        raise click.exceptions.Exit(FAILED)


def steps(client: Client, question: str = QUESTION) -> Iterator[tuple[str, Call]]:
    """Yield the steps of the demo by name. Nothing here knows which vendor `client` is for."""
    answers = _Answers()

    def chat() -> Step:
        answers["chat"] = client.chat(question, user=USER)
        return _answer_step(question, answers["chat"])

    def continue_thread() -> Step:
        return _answer_step(FOLLOW_UP, client.continue_thread(answers["chat"], FOLLOW_UP))

    def stream() -> Step:
        with client.stream(STREAMED, thread=answers["chat"].thread) as events:
            pieces = sum(bool(event.text) for event in events)
            answers["stream"] = events.answer
        return _answer_step(STREAMED, answers["stream"], pieces=pieces)

    def feedback() -> Step:
        receipt = client.feedback(answers["stream"], "down", user=USER, comment=COMMENT)
        return Step(
            "ok",
            f"rated {receipt.rating.value}: {COMMENT}",
            {"rating": receipt.rating.value, "answer_id": receipt.answer_id, "comment": COMMENT, "id": receipt.id},
        )

    def history() -> Step:
        exchanges = [output.exchange_json(exchange) for exchange in client.history(answers["chat"].thread)]
        questions = [f"{number}. {each['question']}" for number, each in enumerate(exchanges, 1)]
        return Step("ok", "\n".join(questions), {"exchanges": exchanges})

    def clear_history() -> Step:
        result = client.clear_history(answers["chat"].thread)
        return Step(
            "ok",
            f"{result.outcome.value}: {result.message or 'no message'}",
            {"result": result.outcome.value, "user": result.user, "message": result.message},
        )

    for step in (chat, continue_thread, stream, feedback, history, clear_history):
        yield step.__name__, step


def _answer_step(question: str, answer: Answer, **more: int) -> Step:
    counts_by_name = {**more, **({"sources": len(answer.sources)} if answer.sources else {})}
    counts = ", ".join(f"{name}: {count}" for name, count in counts_by_name.items())
    summary = "\n".join(part for part in (question, _excerpt(answer.text), counts) if part)
    return Step("ok", summary, {"question": question, **more, **output.answer_json(answer)})


def _excerpt(text: str) -> str:
    """Return the beginning of a Markdown text in words: no link in it is cut, and none would lead anywhere after."""
    from unichat.cli.markdown import plain_text

    return shorten(plain_text(output.printable(text)), _EXCERPT, placeholder=" …")


def _run_step(call: Call) -> Step:
    from unichat.cli.words import describe_error
    from unichat.errors import UnichatError, Unsupported

    try:
        return call()
    except Unsupported as error:
        return Step("unsupported", error.message, {"reason": describe_error(error, frozenset())})
    except UnichatError as error:
        reason = describe_error(error, frozenset())
        return Step("failed", reason, {"error": type(error).__name__, "reason": reason})
    except _NoAnswer as error:
        return Step("failed", str(error), {"reason": str(error)})


def _print_results(results: Mapping[str, Mapping[str, Step]]) -> None:
    names = list(next(iter(results.values())))
    if output.is_terminal():
        cells = [[f"{steps[name].outcome}\n{steps[name].summary}" for steps in results.values()] for name in names]
        output.print_table(("step", *results), [(name, *row) for name, row in zip(names, cells, strict=True)])
    else:
        rows = [
            (name, vendor, steps[name].outcome, steps[name].summary)
            for name in names
            for vendor, steps in results.items()
        ]
        output.print_table(("step", "vendor", "outcome", "what came back"), rows)
    outcomes = [step.outcome for steps in results.values() for step in steps.values()]
    output.print_text(", ".join(f"{outcomes.count(each)} {each}" for each in ("ok", "unsupported", "failed")) + ".")
