"""`unichat feedback`: rates an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from unichat.cli import options, output

if TYPE_CHECKING:
    from unichat.cli.target import Target


@click.command("feedback")
@click.argument("answer_id")
@click.argument("rating", type=click.Choice(["up", "down"]), metavar="up|down")
@options.user
@click.option("--comment", metavar="TEXT", help="A comment on the answer.")
@click.option("--rating-id", type=int, metavar="N", help="The vendor's own id of the rating, if it uses them.")
@options.target_or_sandbox
def command(
    target: Target, answer_id: str, rating: str, user: str | None, comment: str | None, rating_id: int | None
) -> None:
    """Rate an answer.

    ANSWER_ID is the id that `ask` and `history` show.
    """
    own: dict[str, Any] = {} if rating_id is None else {"rating_id": rating_id}
    with target.client_or_sandbox(None) as opened:
        receipt = opened.client.feedback(answer_id, rating, user=user, comment=comment, **own)
    output.print_receipt(receipt)
