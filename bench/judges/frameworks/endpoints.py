"""The endpoints of each vendor that the frameworks judge, with a good value of each field."""

from __future__ import annotations

from bench.judges.frameworks.cases import UUID, Endpoint

_PROJECT = "/query/v1/projects/{project}"
_USER = {"email": "ada@example.com", "unique_client_id": "ada", "metadata": {"company": "x"}}
KAPA = (
    Endpoint(
        name="list_end_users",
        method="GET",
        path=f"{_PROJECT}/end-users/",
        query={"ordering": "email", "page": "1", "page_size": "2"},
        has_result=True,
    ),
    Endpoint(
        name="chat",
        method="POST",
        path=f"{_PROJECT}/chat/",
        body={"query": "How?", "integration_id": UUID, "user": _USER, "metadata": {}},
    ),
    Endpoint(
        name="custom_chat",
        method="POST",
        path=f"{_PROJECT}/chat/custom/",
        body={
            "messages": [{"role": "user", "content": "How?"}, {"role": "query", "content": "Why?"}],
            "retrieval_query": "How?",
            "persist_answer": False,
            "generation_model": "gpt-4o",
            "source_ids_include": [UUID],
            "response_format": "json_object",
        },
    ),
    Endpoint(
        name="search",
        method="POST",
        path=f"{_PROJECT}/search/",
        body={"query": "How?", "num_results": 3, "include_source_names": ["a"]},
    ),
    Endpoint(
        name="retrieval",
        method="POST",
        path=f"{_PROJECT}/retrieval/",
        body={"query": "How?", "top_k": 3, "max_chars": 9, "mode": "deep", "redact_query": True, "user": _USER},
    ),
    Endpoint(
        name="upsert_feedback",
        method="POST",
        path="/query/v1/feedback/upsert/",
        body={
            "question_answer": "{answer}",
            "user_identifier": "ada",
            "reaction": "downvote",
            "comment": {"issue": "wrong", "incorrect": True},
        },
        has_result=True,
    ),
)
_API = "/aiwb/chat/api"
KADAL = (
    Endpoint(
        name="post_chat",
        method="POST",
        path=f"{_API}/v2/{{bot}}",
        body={"message": "How?", "metadata": {"page": "x"}},
        query={"continue_last_chat": "false"},
    ),
    Endpoint(
        name="get_chat", method="GET", path=f"{_API}/v1/{{bot}}", query={"query": "How?", "continue_last_chat": "1"}
    ),
    Endpoint(
        name="list_chats",
        method="GET",
        path=f"{_API}/v1/",
        query={"chat_bot_id": "{bot}", "page_no": "1", "page_size": "2", "order": "asc"},
    ),
    Endpoint(
        name="list_chats_v7",
        method="POST",
        path=f"{_API}/v7/",
        body={"text": "How?", "created_by": "ada"},
        query={
            "chat_bot_id": "{bot}",
            "page_no": "1",
            "page_size": "2",
            "order": "desc",
            "exclude_tool_verbose": "true",
        },
    ),
    Endpoint(
        name="add_feedback",
        method="POST",
        path=f"{_API}/v1/feedbacks/",
        body={"bot_response_id": 1, "is_positive": True, "rating_id": 1, "comment": "wrong"},
        has_result=True,
    ),
    Endpoint(name="clear_chat_history", method="POST", path=f"{_API}/v1/clearhistory/{{bot}}"),
)
