"""Checks of what a client is made with: its transport and its hooks.

Nothing of unichat is imported unless there is a mistake: an event loop that is running would stand still meanwhile.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import NoReturn

_TRANSPORT = ("send", "open", "close")
_HOOK = ("started", "attempted", "finished")


def check_transport(transport: object, *, asynchronous: bool) -> None:
    """Raise a `ConfigError` for what cannot send, and for a transport of the other client's kind."""
    if transport is None:
        return
    methods = [getattr(transport, name, None) for name in _TRANSPORT]
    name, other = ("AsyncTransport", "connect") if asynchronous else ("Transport", "connect_async")
    if isinstance(transport, type) or not all(map(callable, methods)):
        problem, hint = "which cannot send", f"Give an object with the methods of unichat.transport.base.{name}."
    elif inspect.iscoroutinefunction(methods[0]) is not asynchronous:
        problem = f"whose send is {'not ' if asynchronous else ''}asynchronous"
        hint = f"Give one that is a unichat.transport.base.{name}, or use {other}."
    else:
        return
    raise_config_error("transport", "is", transport, problem, hint)


def check_hooks(hooks: object) -> None:
    """Raise a `ConfigError` unless it is a sequence of objects with a hook's methods."""
    hint = "Give a list of objects with the methods of unichat.hooks.Hook."
    if isinstance(hooks, str | bytes | bytearray) or not isinstance(hooks, Sequence):
        raise_config_error("hooks", "is", hooks, "which is not a list", hint)
    for hook in hooks:
        if isinstance(hook, type):
            raise_config_error("hooks", "has", hook, "which is a class, not an object", hint)
        if missing := [name for name in _HOOK if not callable(getattr(hook, name, None))]:
            raise_config_error("hooks", "has", hook, f"which has no {' and no '.join(missing)}", hint)


def raise_config_error(key: str, verb: str, value: object, problem: str, hint: str) -> NoReturn:
    """Raise a `ConfigError` that shows the value of an argument."""
    from unichat._text.printable import format_value
    from unichat.errors import ConfigError

    raise ConfigError(f"{key} {verb} {format_value(value)}, {problem}", key=key, hint=hint)
