"""Broken simulators: what a vendor could do wrong, one thing at a time, and what a contract check must say of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import define, evolve, frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unichat.contract.pointers import find
from unichat_kadal.simulator import KadalSimulator
from unichat_kapa.simulator import KapaSimulator

RECORD_END = "\u241e"


@define
class SimulatorAnswer:
    """What a simulator answered, before it is sent."""

    status: int
    kind: str
    body: bytes


Change = Callable[[SimulatorAnswer], SimulatorAnswer]


@frozen
class Mutant:
    """One broken simulator.

    Attributes:
        name: what is broken.
        backend, operation: where.
        path: a part of the paths whose answers are broken.
        change: breaks an answer.
        verdict, kind, pointer: what the check must say.
    """

    name: str
    backend: str
    operation: str
    path: str
    change: Change
    kind: str
    pointer: str = ""
    verdict: str = "broken"

    @property
    def judge(self) -> str:
        """What catches it, as the docs show it."""
        place = f" `{self.pointer}`" if self.pointer else ""
        return f"`contract check`, `{self.operation}`: {self.kind}{place}"


def edit(change: Callable[[Any], Any]) -> Change:
    """Break the JSON of an answer."""
    return lambda answered: evolve(answered, body=json.dumps(change(json.loads(answered.body))).encode())


def drop(pointer: str) -> Change:
    """Drop the field at a pointer."""
    parent, _, key = pointer.rpartition("/")

    def change(body: Any) -> Any:
        del find(body, parent)[key]
        return body

    return edit(change)


def replace(pointer: str, value: Any) -> Change:
    """Put another value at a pointer."""
    parent, _, key = pointer.rpartition("/")

    def change(body: Any) -> Any:
        find(body, parent)[key] = value
        return body

    return edit(change)


def answer_with(status: int, body: str = "{}", kind: str = "application/json") -> Change:
    """Answer something else altogether."""
    return lambda answered: SimulatorAnswer(status, kind, body.encode())


def records(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Break the records of a stream."""

    def change_answer(answered: SimulatorAnswer) -> SimulatorAnswer:
        if answered.status != 200:
            return answered
        found = [json.loads(each) for each in answered.body.decode().split(RECORD_END) if each]
        body = "".join(json.dumps(record) + RECORD_END for record in change(found))
        return evolve(answered, body=body.encode())

    return change_answer


def _without(kind: str) -> Change:
    return records(lambda found: [record for record in found if record["chunk"]["type"] != kind])


def _remove_end(found: list[Any]) -> list[Any]:
    return [record for record in found if not record["chunk"]["stream_end"]]


def _first_record(pointer: str, value: Any) -> Change:
    def change(found: list[Any]) -> list[Any]:
        parent, _, key = pointer.rpartition("/")
        find(found[0], parent)[key] = value
        return found

    return records(change)


def _drops(pointer: str) -> tuple[Change, str, str]:
    return drop(pointer), "missing", pointer


def _puts(value: Any, pointer: str, kind: str = "type") -> tuple[Change, str, str]:
    return replace(pointer, value), kind, pointer


def _rename_count(body: dict[str, Any]) -> dict[str, Any]:
    return {"total" if key == "total_skill_count" else key: value for key, value in body.items()}


def _mutants(backend: str, operation: str, path: str, **rows: tuple[Any, ...]) -> tuple[Mutant, ...]:
    """Return the mutants of one operation: their names, with underscores, and how each is broken and caught."""
    return tuple(Mutant(name.replace("_", " "), backend, operation, path, *row) for name, row in rows.items())


_ASKED_AT = "/data/chat_hist/0/creation_time"
_SOURCES = "/chunk/content/relevant_sources"
_POEM = {"chunk": {"type": "poem", "content": {}, "stream_end": False}}
_HTML = "<html><body>Sign in</body></html>"
MUTANTS = (
    *_mutants(
        "kadal",
        "list_chats",
        "/v1/",
        drops_the_question_of_a_row=_drops("/data/0/user_query"),
        makes_the_question_of_a_row_a_number=_puts(7, "/data/0/user_query"),
        makes_the_question_of_a_row_null=_puts(None, "/data/0/user_query", "null"),
        makes_an_id_an_object=_puts({}, "/data/0/bot_response_id"),
        makes_the_rows_an_object=_puts({}, "/data"),
        drops_the_rows=_drops("/data"),
        drops_the_status_of_the_envelope=_drops("/status_code"),
        renames_the_count=(edit(_rename_count), "new_field", "/total", "drift"),
        adds_a_field_to_a_row=(*_puts([], "/data/0/guard_rails", "new_field"), "drift"),
        lost_the_slash_of_a_path=(answer_with(404, '{"detail": "Not Found"}'), "status"),
        redirects=(answer_with(307), "status"),
        answers_an_undocumented_status=(answer_with(418), "status"),
        answers_a_page=(answer_with(200, _HTML, "text/html"), "not_json"),
        answers_a_page_that_is_labelled_as_JSON=(answer_with(200, _HTML), "not_json"),
    ),
    *_mutants(
        "kadal",
        "post_chat",
        "/v2/",
        drops_the_answer=_drops("/message"),
        drops_the_id_of_an_answer=_drops("/message_id"),
        answers_a_question_in_a_list=(edit(lambda body: [body]), "type"),
    ),
    *_mutants(
        "kadal",
        "add_feedback",
        "/feedbacks/",
        writes_the_flag_of_a_rating_in_words=_puts("yes", "/is_positive"),
        drops_the_rating_id=_drops("/rating_id"),
    ),
    *_mutants(
        "kadal",
        "list_chats_v7",
        "/v7/",
        drops_when_a_v7_row_was_asked=_drops(_ASKED_AT),
        writes_the_time_of_a_v7_row_in_words=_puts("yesterday", _ASKED_AT),
    ),
    *_mutants(
        "kapa",
        "chat",
        "/chat/",
        drops_the_answer=_drops("/answer"),
        makes_the_id_of_a_thread_a_number=_puts(7, "/thread_id"),
        makes_the_sources_null=_puts(None, "/relevant_sources", "null"),
        answers_201_instead_of_200=(lambda answered: evolve(answered, status=201), "new_status", "", "drift"),
    ),
    *_mutants(
        "kapa",
        "retrieve_project",
        "/org/",
        answers_an_empty_204=(answer_with(204, ""), "status"),
    ),
    *_mutants(
        "kapa", "list_question_answers", "/question-answers/", answers_ids_that_are_not_UUIDs=_puts("7", "/0/id")
    ),
    *_mutants("kapa", "upsert_feedback", "/feedback/", drops_the_reaction_of_a_rating=_drops("/reaction")),
    *_mutants(
        "kapa",
        "list_integrations",
        "/integrations/",
        has_a_new_type_of_integration=(*_puts("MASTODON", "/0/integration_type", "new_enum_value"), "drift"),
    ),
    *_mutants("kapa", "retrieve_thread", "/threads/", drops_the_answers_of_a_thread=_drops("/question_answers")),
    *_mutants("kapa", "list_threads", "/threads/", drops_the_cursor_of_a_list=_drops("/next_cursor")),
    *_mutants(
        "kapa",
        "chat_streamed",
        "/chat/stream/",
        streams_without_ids=(_without("identifiers"), "missing"),
        streams_without_an_end=(records(_remove_end), "missing"),
        streams_without_sources=(_without("relevant_sources"), "missing"),
        streams_a_record_without_a_type=(_first_record("/chunk/type", None), "null", "/0/chunk/type"),
        streams_a_source_without_its_address=(_first_record(_SOURCES, [{}]), "missing", f"/0{_SOURCES}/0/source_url"),
        streams_a_new_type_of_record=(
            records(lambda found: [_POEM, *found]),
            "new_enum_value",
            "/0/chunk/type",
            "drift",
        ),
    ),
)


class MutantSimulator:
    """A simulator whose answers are broken by a mutant; without one, it is what it was."""

    mutant: Mutant | None = None

    def app(self) -> ASGIApp:
        inner = super().app()  # type: ignore[misc]

        async def change_answer(scope: Scope, receive: Receive, send: Send) -> None:
            mutant = self.mutant
            if mutant is None or scope["type"] != "http" or mutant.path not in scope["path"]:
                await inner(scope, receive, send)
                return
            messages: list[Message] = []

            async def keep(message: Message) -> None:
                messages.append(message)

            await inner(scope, receive, keep)
            body = b"".join(message.get("body", b"") for message in messages[1:])
            headers = dict(messages[0]["headers"])
            found = mutant.change(SimulatorAnswer(messages[0]["status"], headers[b"content-type"].decode(), body))
            headers |= {b"content-type": found.kind.encode(), b"content-length": str(len(found.body)).encode()}
            if found.status == 204:
                del headers[b"content-length"]
            await send({**messages[0], "status": found.status, "headers": list(headers.items())})
            await send({"type": "http.response.body", "body": found.body})

        return change_answer


class MutantKapa(MutantSimulator, KapaSimulator):
    """Kapa, broken."""


class MutantKadal(MutantSimulator, KadalSimulator):
    """Kadal, broken."""
