"""How tests are collected, and by how many processes they are run; the examples of README.md and docs/ among them.

Every run pays for what is imported here, also that of one small file: what is heavy is imported where it is needed.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadGroupScheduling

# How fast the machine is, is not a property of the code: no example has a deadline.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Fewer examples than usual in each run, so that all tests together take no more than a few minutes.
settings.register_profile("quick", _ANY_MACHINE, max_examples=30)
settings.register_profile("thorough", _ANY_MACHINE, max_examples=1_000)
settings.load_profile("quick")


# Images of containers often forbid bytecode, to stay small. A run starts some 200 processes, each of which would
# compile all of unichat again; and the tests themselves are compiled by pytest, in each of its processes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell starts what runs in the background with SIGINT ignored, and every process below it inherits that: no Ctrl-C
# that a test types would ever be heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for what a run of two minutes has no time for."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run what is marked thorough as well: further rows of what other tests show, and many processes",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked thorough, unless it is wanted: by the option, or as a test that is named."""
    if config.getoption("thorough") or any("::" in argument for argument in config.args):
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """None for a file or two, which are through before a process has started; else two for each core.

    Two, since a good part of the tests waits for time to pass; the fault bench does little else, so that a file of it
    is worth the start.
    """
    files = {Path(argument.partition("::")[0]) for argument in config.args}
    if len(files) <= 2 and all(file.suffix == ".py" and file.parent.name != "faults" for file in files):
        return 0
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2 * (os.cpu_count() or 1)


class Collecting:
    """Keeps the garbage collector from what is collected: a process has all 17,000 tests, and keeps them to the end.

    Each full collection of garbage, which many tests call for, would go through all of them again.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Collect without the collector of garbage."""
        gc.disable()
        try:
            return (yield)
        finally:
            gc.freeze()
            gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Register what needs a hook of its own."""
    config.pluginmanager.register(Collecting())


def pytest_collection(session: pytest.Session) -> None:
    """Collect in a process of several: compile a share of the modules first."""
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        from tests.compiling import import_share

        import_share(session.config, int(worker["workerid"].removeprefix("gw")), worker["workercount"])


class Page(pytest.File):
    """A page with examples. To find any file, pytest collects what stands beside it: only `collect` is heavy."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect the examples."""
        self.config.pluginmanager.import_plugin("tests.docs.examples")
        from tests.docs import examples

        page = examples.collect(self.path, self.parent)
        return page.collect() if page is not None else []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    """Collect the pages."""
    return Page.from_parent(parent, path=file_path) if file_path.suffix == ".md" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling:
    """Hand out the tests in batches, and all examples of a page at once."""
    from tests.batches import BatchScheduling

    return BatchScheduling(config, log)
