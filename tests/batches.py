"""How the tests are handed out to the processes: a few of a file at a time, and all examples of a page at once.

Most tests take less time than it takes to hand one out. And each example of a page continues where the one before it
ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

SIZE = 8
"""Tests in a batch: few enough that all processes end at nearly the same time."""


def split_into_batches(nodeids: Iterable[str]) -> dict[str, str]:
    """Return the name of each test's batch. Those with an `xdist_group` have none: the group is their batch."""
    counts: Counter[str] = Counter()
    names = {}
    for nodeid in nodeids:
        if "@" in nodeid.rpartition("]")[2]:
            continue
        path = nodeid.partition("::")[0]
        names[nodeid] = path if path.endswith(".md") else f"{path} {counts[path] // SIZE}"
        counts[path] += 1
    return names


class Collection(list[str]):
    """The tests that a process has collected: finds the index of one without comparing it with all before it."""

    def __init__(self, nodeids: Iterable[str]) -> None:
        super().__init__(nodeids)
        self._indexes = {nodeid: index for index, nodeid in enumerate(self)}

    def index(self, nodeid: str, *_: object) -> int:
        """Return the index of a test."""
        return self._indexes[nodeid]


class BatchScheduling(LoadGroupScheduling):
    """xdist's scheduler of groups, with a group for each batch."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._batches: dict[str, str] = {}

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """Take what a process has collected: the base class looks for each test in it as it hands the test out."""
        super().add_node_collection(node, collection)
        if node in self.registered_collections:
            self.registered_collections[node] = Collection(self.registered_collections[node])

    def schedule(self) -> None:
        """Split the tests into batches when all processes have collected them, and hand out the first."""
        if not self._batches:
            self._batches = split_into_batches(next(iter(self.registered_collections.values())))
        super().schedule()

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forget a batch when it is through: the base class goes through all that a process has after each test."""
        super().mark_test_complete(node, item_index, duration)
        batch = self._split_scope(self.registered_collections[node][item_index])
        if all(self.assigned_work[node][batch].values()):
            del self.assigned_work[node][batch]

    def _split_scope(self, nodeid: str) -> str:
        return self._batches.get(nodeid) or super()._split_scope(nodeid)
