"""Steps calls by hand, so that messages overlap exactly as a test says: nothing waits, and nothing runs by itself."""

from __future__ import annotations

from typing import Any

from unichat.execution.effects import Acquire, Execute, Open, Program, Read, Send, Sleep
from unichat.testing import FakeClock


class Worker:
    """One call, run step by step. It stops wherever it would wait: before each request, and before each sleep.

    Args:
        program: the call.
        clock: moved on by each sleep.
    """

    def __init__(self, program: Program[Any], clock: FakeClock | None = None) -> None:
        self._program = program
        self._clock = clock
        self.effect: Any = None
        self.answer: Any = None
        self.error: BaseException | None = None
        self._advance(lambda: next(program))

    def _advance(self, step: Any) -> None:
        try:
            while True:
                self.effect = step()
                if not isinstance(self.effect, Execute | Acquire):
                    return
                step = self._execute(self.effect)
        except StopIteration as stop:
            self.effect, self.answer = None, stop.value
        except BaseException as error:
            self.effect, self.error = None, error

    def _execute(self, effect: Execute | Acquire) -> Any:
        try:
            result = effect.lock.acquire(0) if isinstance(effect, Acquire) else effect.function()
        except Exception as error:
            thrown = error
            return lambda: self._program.throw(thrown)
        return lambda: self._program.send(result)

    @property
    def asks(self) -> bool:
        """Whether it is about to send a request."""
        return isinstance(self.effect, Send | Open)

    @property
    def waits(self) -> bool:
        """Whether it is about to sleep."""
        return isinstance(self.effect, Sleep)

    @property
    def done(self) -> bool:
        return self.effect is None

    def go_on(self) -> Worker:
        """Do what it stopped for: send the request, or sleep."""
        effect = self.effect
        if isinstance(effect, Sleep):
            if self._clock is not None:
                self._clock.advance(effect.seconds)
            self._advance(lambda: self._program.send(None))
        elif isinstance(effect, Send):
            reply = effect.transport.send(effect.request, effect.deadline, limit=effect.limit)
            self._advance(lambda: self._program.send(reply))
        elif isinstance(effect, Open):
            reply = effect.transport.open(effect.request, effect.deadline, idle_timeout=effect.idle_timeout)
            self._advance(lambda: self._program.send(reply))
        else:
            assert isinstance(effect, Read)
            chunk = effect.reply.read()
            self._advance(lambda: self._program.send(chunk))
        return self

    def finish(self) -> Worker:
        """Go on to the end, through all that it would wait for."""
        for _ in range(1_000):
            if self.done:
                return self
            self.go_on()
        raise AssertionError("it never ends")

    def interrupt(self, error: BaseException) -> Worker:
        """Have what it waits for raise this."""
        self._advance(lambda: self._program.throw(error))
        return self

    def kill(self) -> None:
        """Stop it as the end of its process does: nothing more of it happens."""
        self.effect = None
        _killed.append(self._program)


_killed: list[Any] = []
"""Programs of processes that are gone: kept, since one that is collected would be closed."""
