"""Exceptions that a signal's handler raises, which may come out of any code that the main thread runs.

The time limit of a job queue is one (Celery's `SoftTimeLimitExceeded`, rq's `JobTimeoutException`). It is neither a
failure of the network nor a mistake of the code that it interrupts, whatever its class.
"""

from __future__ import annotations

import signal
import threading
from types import CodeType


def is_interruption(error: BaseException) -> bool:
    """Return whether a signal's handler raised `error`."""
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = {_find_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code in handlers:
            return True
        frame = frame.tb_next
    return False


def _find_code(handler: object) -> CodeType | None:
    # Methods and partial functions have, or are made of, one that has it; an object is called by its method.
    function = getattr(handler, "func", handler)
    if callable(function) and not hasattr(function, "__code__"):
        function = function.__call__
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None
