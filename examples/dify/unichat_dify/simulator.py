"""Dify, simulated: one app, whose conversations are in memory."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from unichat.sandbox import (
    InvalidJson,
    Library,
    Simulator,
    Store,
    dump_json,
    json_response,
    read_json,
    split_for_stream,
)

KEY = "app-sandbox"
Row = dict[str, Any]
Handler = Callable[[Row], Response]


class Refusal(Exception):
    """An error response: its status, its code, and its message."""


class DifySimulator(Simulator):
    """Dify on loopback."""

    name = "dify"

    def __init__(self, store: Store, library: Library, base_url: str) -> None:
        super().__init__(store, library, base_url)
        self.conversations: dict[str, Row] = {}

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of `unichat.connect("dify", …)`."""
        return {"base_url": f"{self.base_url}/v1", "api_key": KEY}

    def secrets(self) -> tuple[str, ...]:
        """Return the one key."""
        return (KEY,)

    def reset(self) -> None:
        """Forget the conversations as well."""
        super().reset()
        self.conversations.clear()

    def app(self) -> ASGIApp:
        """Return the app that answers Dify's paths."""
        routes: Sequence[tuple[str, str, Handler]] = (
            ("POST", "/v1/chat-messages", self._ask),
            ("POST", "/v1/messages/{id}/feedbacks", self._rate),
            ("GET", "/v1/messages", self._list_messages),
            ("GET", "/v1/conversations", self._list_conversations),
            ("DELETE", "/v1/conversations/{id}", self._delete),
            ("GET", "/v1/info", lambda fields: json_response(200, {"name": "Sandbox"})),
        )
        return Starlette(routes=[_route(*route) for route in routes])

    def _conversation(self, id: str, user: str) -> Row:
        found = self.conversations.get(id)
        if found is None or found["user"] != user:
            raise Refusal(404, "not_found", "Conversation Not Exists.")
        return found

    def _ask(self, fields: Row) -> Response:
        question, user, now = fields["query"], fields["user"], int(self.clock())
        if not (question.strip() and user.strip()):
            raise Refusal(400, "invalid_param", "query and user are required")
        id = fields.get("conversation_id") or str(uuid.uuid4())
        if not fields.get("conversation_id"):
            self.conversations[id] = {"id": id, "name": question[:20], "created_at": now, "user": user, "rows": []}
        rows = self._conversation(id, user)["rows"]
        answer = self.answer(question, [row["query"] for row in rows])
        sources = [{"position": n, "document_name": each.title} for n, each in enumerate(answer.passages, 1)]
        row = {"id": str(uuid.uuid4()), "conversation_id": id, "created_at": now, "retriever_resources": sources}
        rows.append({**row, "query": question, "answer": answer.text, "feedback": None})
        head = {"message_id": row["id"], "conversation_id": id, "created_at": now}
        end = {"metadata": {"retriever_resources": sources}}
        if fields["response_mode"] == "streaming":
            return StreamingResponse(_chunks(head, answer.text, end), media_type="text/event-stream")
        return json_response(200, {"event": "message", "mode": "chat", **head, "answer": answer.text, **end})

    def _rate(self, fields: Row) -> Response:
        mine = [each["rows"] for each in self.conversations.values() if each["user"] == fields["user"]]
        found = [row for rows in mine for row in rows if row["id"] == fields["id"]]
        if not found:
            raise Refusal(404, "not_found", "Message Not Exists.")
        found[0]["feedback"] = {"rating": fields["rating"], "content": fields.get("content")}
        return json_response(200, {"result": "success"})

    def _list_messages(self, fields: Row) -> Response:
        rows = self._conversation(fields["conversation_id"], fields["user"])["rows"][::-1]
        response = _page(rows, fields.get("first_id"), fields)
        return json_response(200, {**response, "data": response["data"][::-1]})

    def _list_conversations(self, fields: Row) -> Response:
        rows = [each for each in self.conversations.values() if each["user"] == fields["user"]]
        newest_first = fields.get("sort_by", "-updated_at").startswith("-")
        return json_response(200, _page(rows[::-1] if newest_first else rows, fields.get("last_id"), fields))

    def _delete(self, fields: Row) -> Response:
        del self.conversations[self._conversation(fields["id"], fields["user"])["id"]]
        return Response(status_code=204)


def _route(method: str, path: str, handle: Handler) -> Route:
    async def respond(request: Request) -> Response:
        try:
            if request.headers.get("authorization") != f"Bearer {KEY}":
                raise Refusal(401, "unauthorized", "Access token is invalid")
            body = read_json(await request.body() or b"{}")
            return handle({**request.query_params, **body, **request.path_params})
        except Refusal as refusal:
            status, code, message = refusal.args
        except (InvalidJson, LookupError, TypeError, ValueError) as error:
            status, code, message = 400, "invalid_param", f"invalid: {error}"
        return json_response(status, {"code": code, "message": message, "status": status})

    return Route(path, respond, methods=[method])


def _page(rows: list[Row], after: str | None, fields: Row) -> Row:
    rows = rows[[row["id"] for row in rows].index(after) + 1 :] if after else rows
    limit = int(fields.get("limit", 20))
    data = [{name: value for name, value in row.items() if name != "rows"} for row in rows[:limit]]
    return {"limit": limit, "has_more": len(rows) > limit, "data": data}


def _chunks(head: Row, text: str, end: Row) -> Iterator[str]:
    yield "event: ping\n\n"
    for piece in split_for_stream(text):
        yield f"data: {dump_json({'event': 'message', **head, 'answer': piece})}\n\n"
    yield f"data: {dump_json({'event': 'message_end', **head, **end})}\n\n"
