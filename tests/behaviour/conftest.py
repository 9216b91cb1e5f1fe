"""What the tests of behaviour share: one sandbox with a manual of its own, and a client of each vendor."""

import uuid

import pytest

import unichat
import unichat.sandbox
from tests import vendors
from tests.behaviour import own_vendor
from tests.behaviour.proxies import Proxy, sends_through
from tests.blocking import BlockingClient

MANUAL = """\
# Gizmo

Gizmo is a small machine that brews tea.

## Retries

Retries are configured with the option `attempts`. The backoff grows exponentially.

## Descaling

Descale the boiler with vinegar every month.

## Warranty

The warranty lasts two years and covers the pump.
"""
KNOWN = "How are retries configured?"
"""A question that the manual answers."""
UNKNOWN = "Quantum chromodynamics?"
"""A question that it does not answer."""


def pytest_addoption(parser):
    """Add the option for a proxy before a vendor; it needs `tests/behaviour` to be named on the command line."""
    parser.addoption(
        "--proxy",
        action="append",
        default=[],
        type=Proxy.parse,
        metavar="BACKEND=PORT,URL",
        help="run a simulator at a port, and reach it through a proxy; only tests that send through it are run",
    )


def pytest_collection_modifyitems(config, items):
    """With `--proxy`, leave out the tests that do not send through a proxy."""
    if proxies := config.getoption("--proxy", []):
        chosen = [item for item in items if sends_through(item, proxies)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.fixture(scope="package", autouse=True)
def _examples(tmp_path_factory):
    """The vendors of `examples/` are installed while these tests run, and for no others."""
    with vendors.install_examples(tmp_path_factory.mktemp("installed")):
        yield


@pytest.fixture(scope="package")
def _sandbox(request, tmp_path_factory, _examples):
    folder = tmp_path_factory.mktemp("manual")
    (folder / "gizmo.md").write_text(MANUAL, encoding="utf-8")
    proxies = request.config.getoption("--proxy", [])
    with unichat.sandbox.start(docs=folder, ports={each.backend: each.port for each in proxies}) as box:
        for each in proxies:
            box.simulator(each.backend).base_url = each.url
        yield box


@pytest.fixture
def box(_sandbox):
    """Every vendor, simulated, in the state of its start; all tests of one process share the servers.

    Clients reach a vendor that `--proxy` names through the proxy, and the test reaches its simulator directly.
    """
    _sandbox.reset()
    return _sandbox


@pytest.fixture
def user():
    """The id of somebody who has asked nothing yet."""
    return f"user-{uuid.uuid4()}"


@pytest.fixture(params=["requests", "h11"])
def connect(request, box, loop):
    """Connect to a simulated vendor, sync or async; the client is closed after the test."""
    clients = []

    def open_client(backend, **settings):
        given = {**box.settings(backend), **settings}
        if request.param == "requests":
            client = unichat.connect(backend, **given)
        else:
            client = BlockingClient(loop, unichat.connect_async(backend, **given))
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture(params=["sync", "asyncio"])
def own(request, loop):
    """Make a client of a vendor of the test's own (`own_vendor`), sync or async; it is closed after the test."""
    made = []

    def make(*outcomes, **given):
        made.append(own_vendor.make(None if request.param == "sync" else loop, *outcomes, **given))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


@pytest.fixture(params=vendors.NAMES)
def vendor(request):
    return request.param


@pytest.fixture
def client(vendor, connect):
    return connect(vendor)
