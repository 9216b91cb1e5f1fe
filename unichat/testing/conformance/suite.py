"""`AdapterConformance`: whether an adapter does what every client of unichat relies on."""

from __future__ import annotations

from inspect import getattr_static
from typing import Any, ClassVar

import pytest

from unichat.testing.conformance.clients import Clients, Values
from unichat.testing.conformance.failures import Failures
from unichat.testing.conformance.histories import Clearing, Histories
from unichat.testing.conformance.questions import Questions
from unichat.testing.conformance.ratings import Ratings
from unichat.testing.conformance.streams import Streams
from unichat.testing.conformance.threads import Threads

CONFORMANCE = "1"
"""The version of the suite. A test that is new in a later one is a warning at first."""


class AdapterConformance(Questions, Threads, Streams, Ratings, Histories, Clearing, Failures, Clients, Values):
    """The tests that every adapter passes. Derive a class from it in a file of tests, and give it two methods.

        class TestAcme(AdapterConformance):
            def connect(self, **settings):
                return unichat.connect("acme", **box.settings("acme") | settings)

            def connect_async(self, **settings):
                return unichat.connect_async("acme", **box.settings("acme") | settings)

    What the capabilities say that the vendor cannot do is skipped, and the skip says which. A test that cannot pass yet
    is overridden as one that is expected to fail, with a reason:

        @pytest.mark.xfail(reason="Acme sorts its history by name")
        def test_history_comes_newest_first_if_asked(self, client, user):
            super().test_history_comes_newest_first_if_asked(client, user)

    Such a test has to fail: it is strict, so that one that passes by now is noticed. To override one otherwise, to set
    one to None, or to mark the suite's own function fails the class; so does a mark that skips the class or its module,
    or expects it to fail, as a whole.
    """

    version: ClassVar[str] = CONFORMANCE

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _MARKS:
            given = getattr(cls, name, None)
            if given is not None and given is not getattr(AdapterConformance, name) and _is_expected_to_fail(given):
                given.pytestmark = [_strict(mark) for mark in given.pytestmark]

    @pytest.fixture(autouse=True)
    def _conformance_is_whole(self, request: pytest.FixtureRequest) -> None:
        request.node.user_properties.append(("unichat_conformance", type(self).__name__))
        _check_is_whole(type(self))

    def test_conformance_is_whole(self) -> None:
        """Fail where a test of the suite was taken out, even if no other is left."""
        _check_is_whole(type(self))


def _marks(test: Any) -> list[pytest.Mark]:
    return list(getattr(test, "pytestmark", []))


_MARKS = {name: _marks(getattr(AdapterConformance, name)) for name in dir(AdapterConformance) if name[:5] == "test_"}
"""The suite's tests, with the marks that they have of their own."""


def _check_is_whole(cls: type) -> None:
    weakened = sorted(weakened_tests(cls))
    assert not weakened, (
        f"{cls.__name__} overrides {', '.join(weakened)}: a test of the suite may only be overridden with a method of "
        "the class's own that has the mark @pytest.mark.xfail(reason=…)"
    )


def weakened_tests(cls: type) -> set[str]:
    """Return the tests of the suite that a class has taken out, or overrides other than as expected to fail.

    A mark on the suite's own function counts as well: it would hold for every class. With `strict=False`, a condition
    or `run=False`, a test could not fail at all.
    """
    found: set[str] = set()
    for name in ("_conformance_is_whole", "test_conformance_is_whole"):
        if getattr_static(cls, name) is not getattr_static(AdapterConformance, name):
            found.add(name)
    for name, marks in _MARKS.items():
        given = getattr(cls, name, None)
        is_own = given is getattr(AdapterConformance, name)
        if not (_marks(given) == marks if is_own else _is_expected_to_fail(given)):
            found.add(name)
    return found


def _is_expected_to_fail(test: Any) -> bool:
    """Return whether a test that overrides one is run, and has to fail."""
    marks = _marks(test)
    expected = [mark for mark in marks if mark.name == "xfail"]
    return (
        callable(test)
        and bool(expected)
        and all(_has_to_fail(mark) for mark in expected)
        and not any(mark.name in ("skip", "skipif", "parametrize") for mark in marks)
    )


def _has_to_fail(mark: pytest.Mark) -> bool:
    given = mark.kwargs
    return (
        not mark.args
        and given.keys() <= {"reason", "strict", "raises"}
        and bool(given.get("reason"))
        and given.get("strict", True) is True
    )


def _strict(mark: pytest.Mark) -> pytest.Mark:
    return pytest.mark.xfail(**{**mark.kwargs, "strict": True}).mark if mark.name == "xfail" else mark
