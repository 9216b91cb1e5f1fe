"""Kadal's fields in FastAPI: run with the port to listen on, it answers what the framework answers.

Imports nothing of unichat: it runs where only the framework is installed. The fields are those of Kadal's Chat API
1.0.7, as a developer of the framework would write them.
"""

from __future__ import annotations

import sys
from enum import Enum
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Query
from pydantic import BaseModel

app = FastAPI()
PREFIX = "/aiwb/chat/api"


class Order(str, Enum):  # noqa: UP042 - the framework's older releases know no other
    asc = "asc"
    desc = "desc"


class ChatValidator(BaseModel):
    message: str
    metadata: dict[str, Any] | None


class FeedbackRequest(BaseModel):
    bot_response_id: int
    is_positive: bool
    rating_id: int
    comment: str | None


class ListFilters(BaseModel):
    text: str | None
    created_by: str | None


@app.get(f"{PREFIX}/v1/healthz")
def health():
    return {"msg": "OK"}


@app.get(f"{PREFIX}/v1/")
def list_chats(
    chat_bot_id: str,
    page_no: int = Query(..., ge=1),
    page_size: int = Query(..., ge=1),
    order: Order | None = None,
    ext_user_id_ref: str | None = None,
):
    return {"status_code": 200}


@app.get(f"{PREFIX}/v1/{{chat_bot_id}}")
def get_chat(chat_bot_id: str, query: str, continue_last_chat: bool | None = None, ext_user_id_ref: str | None = None):
    return {"status_code": 200}


@app.post(f"{PREFIX}/v1/clearhistory/{{chat_bot_id}}")
def clear_chat_history(chat_bot_id: str, ext_user_id_ref: str | None = None):
    return {"status_code": 200}


@app.post(f"{PREFIX}/v2/{{chat_bot_id}}")
def post_chat(
    chat_bot_id: str,
    body: ChatValidator,
    continue_last_chat: bool | None = None,
    ext_user_id_ref: str | None = None,
):
    return {"status_code": 200}


@app.post(f"{PREFIX}/v1/feedbacks/")
def add_feedback(body: FeedbackRequest, ext_user_id_ref: str | None = None):
    return body


@app.post(f"{PREFIX}/v7/")
def list_chats_v7(
    chat_bot_id: UUID,
    filters: ListFilters,
    page_no: int | None = Query(None, ge=1),
    page_size: int | None = Query(None, ge=1),
    order: Order | None = None,
    exclude_tool_verbose: bool | None = None,
):
    return {"status_code": 200}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
