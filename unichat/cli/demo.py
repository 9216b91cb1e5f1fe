"""`unichat demo`: the same calls on every simulated vendor, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from unichat._text.printable import trimmed
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

Call = Callable[[], "Step"]


class Step(NamedTuple):
    """What came of one step: `outcome` is ok, unsupported or failed; in a few words; and all of it, for JSON."""

    outcome: str
    words: str
    came_back: Mapping[str, Any]


class _NoAnswer(Exception):
    """A step builds on the answer of one that failed."""


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
    A step that a vendor has no call for is `unsupported`; one that failed makes the exit code 1.
    """
    from unichat import connect, sandbox

    shown: dict[str, dict[str, Step]] = {}
    with sandbox.start(docs=docs) as box:
        for backend in box.backends:
            with connect(backend, **box.settings(backend)) as client:
                shown[backend] = {name: _run(call) for name, call in steps(client, question)}
    if as_json:
        output.show_json(
            {
                backend: {name: {"outcome": step.outcome, **step.came_back} for name, step in steps.items()}
                for backend, steps in shown.items()
            }
        )
    else:
        _show(shown)
    if any(step.outcome == "failed" for steps in shown.values() for step in steps.values()):
        raise click.exceptions.Exit(FAILED)


def steps(client: Client, question: str = QUESTION) -> Iterator[tuple[str, Call]]:
    """Yield the steps of the demo by name. Nothing here knows which vendor `client` is for."""
    said = _Answers()

    def chat() -> Step:
        said["chat"] = client.chat(question, user=USER)
        return _answered(question, said["chat"])

    def continue_thread() -> Step:
        return _answered(FOLLOW_UP, client.continue_thread(said["chat"], FOLLOW_UP))

    def stream() -> Step:
        with client.stream(STREAMED, thread=said["chat"].thread) as events:
            pieces = sum(bool(event.text) for event in events)
            said["stream"] = events.answer
        return _answered(STREAMED, said["stream"], pieces=pieces)

    def feedback() -> Step:
        receipt = client.feedback(said["stream"], "down", user=USER, comment=COMMENT)
        return Step(
            "ok",
            f"answer {receipt.answer_id} rated {receipt.rating.value}: {COMMENT}",
            {"rating": receipt.rating.value, "answer_id": receipt.answer_id, "comment": COMMENT, "id": receipt.id},
        )

    def history() -> Step:
        exchanges = [output.exchange_json(exchange) for exchange in client.history(said["chat"].thread)]
        questions = [f"{number}. {each['question']}" for number, each in enumerate(exchanges, 1)]
        return Step("ok", "\n".join(questions), {"exchanges": exchanges})

    def clear_history() -> Step:
        result = client.clear_history(said["chat"].thread)
        return Step(
            "ok",
            f"{result.outcome.value}: {result.message}",
            {"result": result.outcome.value, "user": result.user, "message": result.message},
        )

    for step in (chat, continue_thread, stream, feedback, history, clear_history):
        yield step.__name__, step


def _answered(question: str, answer: Answer, **more: int) -> Step:
    counted = {**more, **({"sources": len(answer.sources)} if answer.sources else {})}
    counts = ", ".join(f"{name}: {count}" for name, count in counted.items())
    words = "\n".join(part for part in (question, trimmed(answer.text, 160), counts) if part)
    return Step("ok", words, {"question": question, **more, **output.answer_json(answer)})


def _run(call: Call) -> Step:
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


def _show(shown: Mapping[str, Mapping[str, Step]]) -> None:
    names = list(next(iter(shown.values())))
    if output.is_terminal():
        cells = [[f"{of[name].outcome}\n{of[name].words}" for of in shown.values()] for name in names]
        output.show_table(("step", *shown), [(name, *row) for name, row in zip(names, cells, strict=True)])
    else:
        rows = [(name, vendor, of[name].outcome, of[name].words) for name in names for vendor, of in shown.items()]
        output.show_table(("step", "vendor", "outcome", "what came back"), rows)
    outcomes = [step.outcome for steps in shown.values() for step in steps.values()]
    output.say(", ".join(f"{outcomes.count(each)} {each}" for each in ("ok", "unsupported", "failed")) + ".")
