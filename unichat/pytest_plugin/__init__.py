"""A pytest plugin for tests of bots: both vendors, simulated or scripted, their failures, and no network.

pytest loads it wherever unichat is installed, so nothing else of unichat is imported before a test needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unichat import AsyncClient, Client
    from unichat.sandbox import Sandbox
    from unichat.testing import FakeBackend, FakeClock

_VENDOR_FIXTURES = ("unichat_client", "unichat_async_client", "unichat_backend")
_FIXTURES = (*_VENDOR_FIXTURES, "fake_backend", "unichat_fault")
SMOKE = ("503", "507", "quota", "reset_after_send", "cut_stream", "silence", "503_once")
"""The faults of `--unichat-faults=smoke`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the setting."""
    group = parser.getgroup("unichat")
    group.addoption(
        "--unichat-backends",
        metavar="NAMES",
        help="backends that tests with unichat's fixtures run on, such as kapa,kadal (default: all with a simulator)",
    )
    group.addoption(
        "--unichat-faults",
        metavar="NAMES",
        help="run tests with unichat's fixtures once more for each of these faults, such as 503,cut_stream; "
        f"smoke: {','.join(SMOKE)}",
    )
    group.addoption(
        "--unichat-scorecard",
        action="store_true",
        help="print how each adapter's conformance tests ended, and what was skipped for which capability",
    )
    parser.addini(
        "unichat_block_network", "fail tests whose clients would leave the machine", type="bool", default=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check the options."""
    config.addinivalue_line(
        "markers",
        'unichat_network("block" or "allow"): whether unichat\'s clients may leave the machine in this test',
    )
    _chosen_backends(config)
    _chosen_faults(config)


def _chosen_backends(config: pytest.Config) -> tuple[str, ...] | None:
    chosen = config.getoption("--unichat-backends")
    if chosen is None:
        return None
    from unichat.pytest_plugin.options import parse_backends

    return parse_backends(chosen)


def _chosen_faults(config: pytest.Config) -> tuple[str, ...]:
    chosen = config.getoption("--unichat-faults")
    if chosen is None:
        return ()
    from unichat.pytest_plugin.options import parse_faults

    return parse_faults(chosen)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that has a fixture of unichat's on each backend, and with each fault."""
    needed = set(metafunc.fixturenames)
    if not needed.intersection(_FIXTURES):
        return
    faults = (None, *_chosen_faults(metafunc.config))
    if needed.intersection(_VENDOR_FIXTURES):
        from unichat.pytest_plugin.options import simulated_backends

        backends = _chosen_backends(metafunc.config) or simulated_backends()
    elif len(faults) > 1:
        backends = ("fake",)
    else:
        return
    runs = [(backend, fault) for backend in backends for fault in faults]
    names = [backend if fault is None else f"{backend}-{fault}" for backend, fault in runs]
    metafunc.parametrize(("_unichat_backend", "_unichat_fault"), runs, ids=names, indirect=True)


_VERIFICATIONS = pytest.StashKey[list[Callable[[], None]]]()


def _verify_after(request: pytest.FixtureRequest, verify: Callable[[], None]) -> None:
    """Have the test fail if `verify` raises once it has run, whatever the bot made of it."""
    request.node.stash.setdefault(_VERIFICATIONS, []).append(verify)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Verify what the fixtures saw: as part of the test, so that it fails rather than its teardown."""
    result = yield
    for verify in item.stash.get(_VERIFICATIONS, []):
        verify()
    return result


@pytest.fixture
def _unichat_backend(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "fake"))


@pytest.fixture
def _unichat_fault(request: pytest.FixtureRequest) -> str | None:
    fault: str | None = getattr(request, "param", None)
    return fault


@pytest.fixture
def unichat_backend(_unichat_backend: str, _unichat_fault: str | None) -> str:
    """The name of the backend that this test runs on."""
    return _unichat_backend


@pytest.fixture
def unichat_fault(_unichat_backend: str, _unichat_fault: str | None) -> str | None:
    """The name of the fault that this test runs with (`--unichat-faults`), or None."""
    return _unichat_fault


@pytest.fixture
def unichat_clock() -> FakeClock:
    """The clock of `unichat_client` and `unichat_async_client`: it moves on by itself whenever they would wait."""
    from unichat.testing import FakeClock

    return FakeClock()


@pytest.fixture(scope="session")
def _unichat_sandbox() -> Iterator[Sandbox]:
    from unichat import sandbox

    with sandbox.start() as box:
        yield box


@pytest.fixture
def unichat_sandbox(_unichat_sandbox: Sandbox) -> Sandbox:
    """The simulated vendors, one sandbox for each worker, in the state of its start."""
    _unichat_sandbox.reset()
    return _unichat_sandbox


@pytest.fixture
def unichat_client(
    unichat_sandbox: Sandbox, _unichat_backend: str, _unichat_fault: str | None, unichat_clock: FakeClock
) -> Iterator[Client]:
    """A client of a simulated vendor; the test runs once for each."""
    from unichat.pytest_plugin.clients import make_client

    with make_client(unichat_sandbox, _unichat_backend, _unichat_fault, unichat_clock) as client:
        yield client


@pytest.fixture
def unichat_async_client(
    unichat_sandbox: Sandbox, _unichat_backend: str, _unichat_fault: str | None, unichat_clock: FakeClock
) -> Iterator[AsyncClient]:
    """An asyncio client of a simulated vendor, for the event loop that uses it first."""
    from unichat.pytest_plugin.clients import close_async_client, make_async_client

    client = make_async_client(unichat_sandbox, _unichat_backend, _unichat_fault, unichat_clock)
    yield client
    close_async_client(client)


@pytest.fixture
def fake_backend(request: pytest.FixtureRequest, _unichat_backend: str, _unichat_fault: str | None) -> FakeBackend:
    """A vendor that the test tells what to answer; a question for which nothing was left fails the test at its end."""
    from unichat.testing import FakeBackend, find_fault

    fake = FakeBackend()
    if _unichat_fault is not None:
        fake.fails(_unichat_fault, times=1 if find_fault(_unichat_fault).once else _ALWAYS)
    _verify_after(request, fake.verify)
    return fake


_ALWAYS = 1_000_000_000


@pytest.fixture(autouse=True)
def _unichat_network(request: pytest.FixtureRequest) -> Iterator[None]:
    if not _blocks_network(request):
        yield
        return
    from unichat.pytest_plugin.network import NetworkBlock

    block = NetworkBlock(request.node.nodeid)
    _verify_after(request, block.verify)
    with block.active():
        yield


def _blocks_network(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("unichat_network")
    if marker is None:
        return bool(request.config.getini("unichat_block_network"))
    policy: Any = marker.args[0] if marker.args else marker.kwargs.get("policy")
    if policy not in ("block", "allow"):
        raise pytest.UsageError(f'unichat_network takes "block" or "allow", not {policy!r}')
    return bool(policy == "block")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the scorecard of the adapters, if it is asked for."""
    if config.getoption("--unichat-scorecard"):
        from unichat.pytest_plugin.scorecard import write_scorecard

        write_scorecard(terminalreporter)
