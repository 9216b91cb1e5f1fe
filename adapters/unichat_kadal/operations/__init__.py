"""Kadal's endpoints as operations, in the order of its reference, and the newer v7 history after them.

Parameters have the reference's names; what is None is left out. A slash at the end of a path matters. Every function
raises `InvalidInput` for what Kadal would reject, before anything is sent.
"""

from unichat_kadal.operations.arguments import Encoding, endpoints

# isort: split
# The order of these is that of the table of endpoints.
from unichat_kadal.operations.chats import clear_chat_history, get_chat, health, list_chats, post_chat

# isort: split
from unichat_kadal.operations.feedback import add_feedback

# isort: split
from unichat_kadal.operations.newer import list_chats_v7

__all__ = [
    "Encoding",
    "add_feedback",
    "clear_chat_history",
    "endpoints",
    "get_chat",
    "health",
    "list_chats",
    "list_chats_v7",
    "post_chat",
]
