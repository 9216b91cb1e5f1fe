"""What the tests of this room share: threads whose outcome is asked for."""

import threading

from unichat.errors import UnichatError

SOON = 20
"""Seconds after which a test gives up on a thread: never waited for where all is well."""


def start_thread(function, *args):
    """A thread whose result, or error, is in `.outcome` once it has been joined."""

    def run():
        try:
            thread.outcome = function(*args)
        except UnichatError as error:
            thread.outcome = error

    thread = threading.Thread(target=run, daemon=True)
    thread.outcome = None
    thread.start()
    return thread


def join_thread(thread):
    thread.join(SOON)
    assert not thread.is_alive()
    return thread.outcome
