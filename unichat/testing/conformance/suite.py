"""`AdapterConformance`: whether an adapter does what every client of unichat relies on."""

from __future__ import annotations

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

    To override one otherwise, or to set one to None, fails the class.
    """

    version: ClassVar[str] = CONFORMANCE

    @pytest.fixture(autouse=True)
    def _conformance_is_whole(self, request: pytest.FixtureRequest) -> None:
        request.node.user_properties.append(("unichat_conformance", type(self).__name__))
        weakened = sorted(weakened_tests(type(self)))
        assert not weakened, (
            f"{type(self).__name__} overrides {', '.join(weakened)}: a test of the suite may only be overridden with "
            "@pytest.mark.xfail(reason=…)"
        )

    def test_conformance_is_whole(self) -> None:
        """Fail where a test of the suite was taken out, even if no other is left."""


def weakened_tests(cls: type) -> set[str]:
    """Return the tests of the suite that a class has taken out, or overrides other than as expected to fail.

    Expected to fail is meant strictly: with `strict=False` a test could not fail at all.
    """
    found = {"the whole class" for mark in getattr(cls, "pytestmark", []) if mark.name in ("skip", "skipif", "xfail")}
    for name in dir(AdapterConformance):
        if not name.startswith("test_"):
            continue
        given, own = getattr(cls, name, None), getattr(AdapterConformance, name)
        if given is not own and not _is_expected_to_fail(given):
            found.add(name)
    return found


def _is_expected_to_fail(test: Any) -> bool:
    marks = getattr(test, "pytestmark", [])
    return callable(test) and any(
        mark.name == "xfail" and mark.kwargs.get("reason") and mark.kwargs.get("strict", True) and not mark.args
        for mark in marks
    )
