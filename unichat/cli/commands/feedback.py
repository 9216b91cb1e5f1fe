"""`unichat feedback`: rates an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.target import Target


@click.command("feedback")
@click.argument("answer")
@click.argument("rating", type=click.Choice(["up", "down"]), metavar="up|down")
@options.user
@click.option("--comment", metavar="TEXT", help="A comment on the answer.")
@click.option("--rating-id", type=int, metavar="N", help="The vendor's own id of the rating, if it uses them.")
@options.target_or_sandbox
def command(
    target: Target, answer: str, rating: str, user: str | None, comment: str | None, rating_id: int | None
) -> None:
    """Rate an answer.

    ANSWER is the answer's reference, as `ask` and `history` print it, or its id. A reference of another vendor, bot or
    project is refused; an id means whichever answer the profile's own has under it.
    """
    from unichat.references import AnswerRef, looks_like_reference

    reference = AnswerRef.parse(answer) if looks_like_reference(answer) else None
    own: dict[str, Any] = {} if rating_id is None else {"rating_id": rating_id}
    with target.client_or_sandbox(reference) as opened:
        receipt = opened.client.feedback(reference or answer, rating, user=user, comment=comment, **own)
    output.print_receipt(receipt)
