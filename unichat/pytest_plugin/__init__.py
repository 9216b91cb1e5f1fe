"""A pytest plugin for tests of bots: both vendors, simulated or scripted, their failures, and no network.

pytest loads it wherever unichat is installed, so nothing else of unichat is imported before a test needs it. This
module has what pytest looks for; those beside it do the work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unichat import AsyncClient, Client
    from unichat.sandbox import Sandbox
    from unichat.testing import FakeBackend, FakeClock

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
    if config.getoption("--unichat-backends") is not None or config.getoption("--unichat-faults") is not None:
        from unichat.pytest_plugin.options import check_options

        check_options(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that has a fixture of unichat's on each backend, and with each fault."""
    if not {"_unichat_backend", "_unichat_fault"}.isdisjoint(metafunc.fixturenames):
        from unichat.pytest_plugin.runs import multiply

        multiply(metafunc)


_VERIFICATIONS = pytest.StashKey[list[Callable[[], None]]]()


def _verify_after(request: pytest.FixtureRequest, verify: Callable[[], None]) -> None:
    """Have the test fail if `verify` raises once it has run, whatever the bot made of it."""
    request.node.stash.setdefault(_VERIFICATIONS, []).append(verify)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Unblock the network after a test, however it ended."""
    try:
        return (yield)
    finally:
        if "unichat.pytest_plugin.network" in sys.modules:
            from unichat.pytest_plugin.network import unblock

            unblock(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Block the network, if it is to be: before any fixture, of whatever scope."""
    item.stash[_VERIFICATIONS] = []
    policy = _network_policy(item)
    if policy != "allow":
        from unichat.pytest_plugin.network import block

        item.stash[_VERIFICATIONS].append(block(item))
    # What fixtures saw is reported by the test that follows, if one does.
    result = yield from _verify_phase(item, if_passed=False)
    if policy not in ("block", "allow"):
        # Not before: the other plugins, too, expect that a setup was begun.
        raise pytest.UsageError(f'unichat_network takes "block" or "allow", not {policy!r}')
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Verify what was seen so far: as part of the test, so that it fails rather than its teardown."""
    return (yield from _verify_phase(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Verify what the fixtures did as they ended."""
    return (yield from _verify_phase(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a class of `AdapterConformance` whose tests are skipped, or expected to fail, other than one by one."""
    report = yield
    if report.when == "setup" and "unichat.testing.conformance.suite" in sys.modules:
        from unichat.pytest_plugin.conformance import fail_if_marked

        fail_if_marked(item, report)
    return report


def _network_policy(item: pytest.Item) -> Any:
    """Return "block" or "allow", or what stands in the marker in their place."""
    marker = item.get_closest_marker("unichat_network")
    if marker is None:
        return "block" if item.config.getini("unichat_block_network") else "allow"
    return marker.args[0] if marker.args else marker.kwargs.get("policy")


def _verify_phase(item: pytest.Item, *, if_passed: bool = True) -> Generator[None, Any, Any]:
    try:
        result = yield
    except pytest.skip.Exception:
        _verify(item)
        raise
    except BaseException:
        # The test fails for this; what it saw is reported once at most.
        with suppress(AssertionError):
            _verify(item)
        raise
    if if_passed:
        _verify(item)
    return result


def _verify(item: pytest.Item) -> None:
    """Raise the first error of the verifications; none is raised twice."""
    verifications = item.stash.get(_VERIFICATIONS, [])
    for verify in tuple(verifications):
        try:
            verify()
        except AssertionError:
            verifications.clear()
            raise


@pytest.fixture
def _unichat_backend(request: pytest.FixtureRequest) -> str | None:
    """The backend of this run; None where pytest did not know that the test needs one."""
    backend: str | None = getattr(request, "param", None)
    return backend


@pytest.fixture
def _unichat_fault(request: pytest.FixtureRequest) -> str | None:
    """The fault of this run, if it has one."""
    fault: str | None = getattr(request, "param", None)
    return fault


@pytest.fixture
def unichat_backend(request: pytest.FixtureRequest, _unichat_backend: str | None) -> str:
    """The name of the backend that this test runs on; clients are of the one that a test or a project gives instead."""
    from unichat.pytest_plugin.runs import check_backend

    return check_backend(getattr(request, "param", _unichat_backend))


@pytest.fixture
def unichat_fault(request: pytest.FixtureRequest, _unichat_fault: str | None) -> str | None:
    """The name of the fault that this test runs with (`--unichat-faults`), or None."""
    fault: str | None = getattr(request, "param", _unichat_fault)
    return fault


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
def unichat_sandbox(request: pytest.FixtureRequest, _unichat_sandbox: Sandbox, unichat_fault: str | None) -> Sandbox:
    """The simulated vendors, one sandbox for each worker, in the state of its start, with the fault of the test."""
    _unichat_sandbox.reset()
    if unichat_fault is not None and "_unichat_client_fault" not in request.fixturenames:
        from unichat.pytest_plugin.clients import fail_sandbox

        return fail_sandbox(_unichat_sandbox, unichat_fault)
    return _unichat_sandbox


@pytest.fixture
def _unichat_client_fault(unichat_fault: str | None) -> str | None:
    """The fault of the plugin's own clients, in which it needs no real time; the sandbox leaves it to them."""
    return unichat_fault


@pytest.fixture
def unichat_client(
    unichat_sandbox: Sandbox, unichat_backend: str, _unichat_client_fault: str | None, unichat_clock: FakeClock
) -> Iterator[Client]:
    """A client of a simulated vendor; the test runs once for each."""
    from unichat.pytest_plugin.clients import make_client

    with make_client(unichat_sandbox, unichat_backend, _unichat_client_fault, unichat_clock) as client:
        yield client


@pytest.fixture
def unichat_async_client(
    unichat_sandbox: Sandbox, unichat_backend: str, _unichat_client_fault: str | None, unichat_clock: FakeClock
) -> Iterator[AsyncClient]:
    """An asyncio client of a simulated vendor, for the event loop that uses it first."""
    from unichat.pytest_plugin.clients import close_async_client, make_async_client

    client = make_async_client(unichat_sandbox, unichat_backend, _unichat_client_fault, unichat_clock)
    yield client
    close_async_client(client)


@pytest.fixture
def fake_backend(request: pytest.FixtureRequest, unichat_fault: str | None) -> FakeBackend:
    """A vendor that the test scripts; a question for which no answer was left fails the test at its end."""
    from unichat.testing import FakeBackend, find_fault

    fake = FakeBackend()
    if unichat_fault is not None:
        fake.fails(unichat_fault, times=1 if find_fault(unichat_fault).once else _ALWAYS)
    _verify_after(request, fake.verify)
    return fake


_ALWAYS = 1_000_000_000


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the scorecard of the adapters, if it is asked for."""
    if config.getoption("--unichat-scorecard"):
        from unichat.pytest_plugin.scorecard import write_scorecard

        write_scorecard(terminalreporter)
