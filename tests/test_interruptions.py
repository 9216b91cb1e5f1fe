"""What a signal's handler raises is told from what the code that it interrupts raises."""

import functools
import signal
import threading

import pytest

from unichat._interruptions import is_interruption

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal on this system")


class TimeLimit(ValueError):
    """Like a mistake of the code, by its class."""


class Limit:
    def raise_it(self, *_):
        raise TimeLimit

    __call__ = raise_it


def raise_deeper(*_):
    int("x")


HANDLERS = {
    "function": raise_deeper,
    "lambda": lambda *_: raise_deeper(),
    "method": Limit().raise_it,
    "object": Limit(),
    "partial": functools.partial(raise_deeper, None),
}


@pytest.fixture(params=HANDLERS)
def handler(request):
    before = signal.signal(signal.SIGALRM, HANDLERS[request.param])
    yield
    signal.signal(signal.SIGALRM, before)


def test_what_a_handler_raises_is_an_interruption(handler):
    with pytest.raises(ValueError, match=r"^$|invalid literal") as caught:
        signal.raise_signal(signal.SIGALRM)
    assert is_interruption(caught.value)


def test_what_anything_else_raises_is_not(handler):
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert not is_interruption(caught.value)
    assert not is_interruption(TimeLimit())


def test_no_handler_runs_in_another_thread(handler):
    found = []

    def work():
        try:
            HANDLERS["function"]()
        except ValueError as error:
            found.append(is_interruption(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
