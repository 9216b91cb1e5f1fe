"""How the tests are handed out to the processes."""

from __future__ import annotations

from tests.batches import SIZE, Collection, split_into_batches


def test_split_into_batches_with_a_page_keeps_its_examples_together():
    examples = [f"docs/cli.md::line:{number},column:1" for number in range(3 * SIZE)]
    assert set(split_into_batches(examples).values()) == {"docs/cli.md"}


def test_split_into_batches_with_many_tests_fills_batches_of_one_file_in_order():
    nodeids = [f"tests/{name}.py::test_a[{number}]" for name in ("test_a", "test_b") for number in range(SIZE + 1)]
    batches = list(split_into_batches(nodeids).values())
    of_first, of_second = batches[: SIZE + 1], batches[SIZE + 1 :]
    for batch in (of_first, of_second):
        assert len(set(batch[:SIZE])) == 1
        assert batch[SIZE] != batch[0]
    assert not set(of_first) & set(of_second)


def test_split_into_batches_with_an_xdist_group_leaves_its_tests_to_their_group():
    nodeids = ["tests/test_a.py::test_a@demo", "tests/test_a.py::test_b[user@host]", "tests/test_a.py::test_c[x]@demo"]
    assert set(split_into_batches(nodeids)) == {"tests/test_a.py::test_b[user@host]"}


def test_index_of_a_collection_is_that_of_the_list():
    nodeids = [f"tests/test_a.py::test_a[{number}]" for number in range(100)]
    collection = Collection(nodeids)
    assert collection == nodeids
    assert [collection.index(nodeid) for nodeid in nodeids] == list(range(100))
