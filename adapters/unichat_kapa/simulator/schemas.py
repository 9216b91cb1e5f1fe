"""Schemas of the request bodies in Kapa's reference: fields, limits and enums."""

from __future__ import annotations

from unichat_kapa.simulator.validation import (
    Field,
    Schema,
    boolean,
    choice,
    each_fits_schema,
    each_item,
    fits_schema,
    free_object,
    positive,
    text,
    uuid,
)

QUERY_LENGTH = 5000

_END_USER: Schema = {
    "email": Field(text(blank=True)),
    "unique_client_id": Field(text(blank=True)),
    "fingerprint_id": Field(text(blank=True)),
    "slack_id": Field(text(blank=True)),
    "discord_id": Field(text(blank=True)),
    "metadata": Field(free_object),
}
CHAT: Schema = {
    "integration_id": Field(uuid),
    "query": Field(text(longest=QUERY_LENGTH), required=True),
    "user": Field(fits_schema(_END_USER)),
    "metadata": Field(free_object),
}
GENERATION_MODELS = (
    "gpt-4",
    "gpt-4-0613",
    "gpt-4-turbo-preview",
    "gpt-4-1106-preview",
    "gpt-4-0125-preview",
    "gpt-4o",
    "gpt-4o-2024-05-13",
    "gpt-4o-2024-08-06",
    "gpt-4o-mini",
    "gpt-4o-mini-2024-07-18",
    "gpt-3.5-turbo",
    "gpt-3.5-turbo-16k",
    "gpt-3.5-turbo-0125",
)
_MESSAGE: Schema = {
    # The reference lists no roles, and mentions a 'query' message in addition to the usual ones.
    "role": Field(choice("system", "user", "assistant", "query"), required=True),
    "content": Field(text(blank=True), required=True),
}
CUSTOM_CHAT: Schema = {
    "integration_id": Field(uuid),
    "messages": Field(each_fits_schema(_MESSAGE), required=True),
    "retrieval_query": Field(text()),
    "persist_answer": Field(boolean, default=True),
    "use_retrieval": Field(boolean, default=True),
    "label_internal_sources": Field(boolean, default=False),
    "generation_model": Field(choice(*GENERATION_MODELS), default="gpt-4-0613"),
    "source_ids_include": Field(each_item(uuid)),
    "response_format": Field(choice("json_object")),
    "redact_conversation": Field(boolean, default=False),
}
SEARCH: Schema = {
    "query": Field(text(), required=True),
    "num_results": Field(positive, default=10),
    "include_source_names": Field(each_item(text())),
}
RETRIEVAL: Schema = {
    "query": Field(text(), required=True),
    "top_k": Field(positive, default=10),
    "max_chars": Field(positive),
    "mode": Field(choice("default", "deep"), default="default"),
    "source_group_ids_include": Field(each_item(uuid)),
    "integration_id": Field(uuid),
    "redact_query": Field(boolean, default=False),
    "user": Field(fits_schema(_END_USER)),
}
_COMMENT: Schema = {
    "issue": Field(text(blank=True), default=""),
    "incorrect": Field(boolean, default=False),
    "irrelevant": Field(boolean, default=False),
    "unaddressed": Field(boolean, default=False),
}
FEEDBACK: Schema = {
    "comment": Field(fits_schema(_COMMENT), nullable=True),
    "user_identifier": Field(text(longest=200), required=True),
    "reaction": Field(choice("upvote", "downvote"), required=True),
    "question_answer": Field(uuid, required=True),
}
