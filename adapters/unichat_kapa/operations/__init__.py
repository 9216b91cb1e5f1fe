"""Kapa's endpoints as operations, in the order of its reference, and newer ones after them.

Parameters have the reference's names; bodies are flattened; what is None is left out. Every function raises
`InvalidInput` for what Kapa would reject, before anything is sent.
"""

from unichat_kapa.operations.arguments import QUERY_LIMIT, USER_IDENTIFIER_LIMIT
from unichat_kapa.operations.table import endpoints

# isort: split
# The order of these is that of the table of endpoints.
from unichat_kapa.operations.projects import list_integrations, list_sources, retrieve_project

# isort: split
from unichat_kapa.operations.chats import chat, chat_in_thread, custom_chat

# isort: split
from unichat_kapa.operations.streams import chat_in_thread_streamed, chat_streamed, custom_chat_streamed

# isort: split
from unichat_kapa.operations.searches import activity, list_end_users, search, upsert_feedback

# isort: split
from unichat_kapa.operations.threads import list_question_answers, retrieve_thread

# isort: split
from unichat_kapa.operations.newer import list_threads, retrieval

# isort: split
from unichat_kapa.operations.analytics import (
    list_coverage_gap_periods,
    list_source_groups,
    list_top_question_periods,
    retrieve_coverage_gaps_period,
    retrieve_top_questions_period,
)

__all__ = [
    "QUERY_LIMIT",
    "USER_IDENTIFIER_LIMIT",
    "activity",
    "chat",
    "chat_in_thread",
    "chat_in_thread_streamed",
    "chat_streamed",
    "custom_chat",
    "custom_chat_streamed",
    "endpoints",
    "list_coverage_gap_periods",
    "list_end_users",
    "list_integrations",
    "list_question_answers",
    "list_source_groups",
    "list_sources",
    "list_threads",
    "list_top_question_periods",
    "retrieval",
    "retrieve_coverage_gaps_period",
    "retrieve_project",
    "retrieve_thread",
    "retrieve_top_questions_period",
    "search",
    "upsert_feedback",
]
