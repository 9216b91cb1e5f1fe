"""The rules of the suite itself: what may be overridden, and the scorecard."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from textwrap import dedent

import pytest

import unichat.testing
from unichat.testing.conformance import CONFORMANCE, AdapterConformance
from unichat.testing.conformance.suite import weakened_tests

pytest_plugins = ["pytester"]

SUITE = """
    import pytest
    import unichat.testing
    from unichat.testing import AdapterConformance

    class TestFake(AdapterConformance):
        def _fake(self):
            fake = unichat.testing.FakeBackend()
            for number in range(200):
                fake.answers(f"Answer {number}.")
            return fake

        def connect(self, **settings):
            return self._fake().client(**settings)

        def connect_async(self, **settings):
            return self._fake().async_client(**settings)

        %s
"""


def test_the_suite_has_a_version_and_at_least_seventy_tests() -> None:
    tests = [name for name in dir(AdapterConformance) if name.startswith("test_")]
    assert AdapterConformance.version == CONFORMANCE == "1"
    assert len(tests) >= 70
    assert is_whole(type("TestMine", (AdapterConformance,), {}))


def test_the_suite_is_in_unichat_testing_and_needs_pytest_only_once_it_is_used() -> None:
    assert unichat.testing.AdapterConformance is AdapterConformance
    assert "AdapterConformance" in dir(unichat.testing)
    with pytest.raises(AttributeError, match="no attribute 'AdaptorConformance'"):
        unichat.testing.AdaptorConformance  # type: ignore[attr-defined]  # noqa: B018
    script = (
        "import sys; from unichat.testing import *; import unichat.testing as t; print('pytest' in sys.modules, "
        "t.AdapterConformance.__name__, 'pytest' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "AdapterConformance", "True"]


def is_whole(cls: type) -> bool:
    return weakened_tests(cls) == set()


def expect_failure(reason: str | None) -> object:
    def test_models_are_frozen(self: object, client: object, user: object) -> None:
        """The suite's."""

    mark = pytest.mark.xfail if reason is None else pytest.mark.xfail(reason=reason)
    return mark(test_models_are_frozen)


@pytest.mark.parametrize(
    "test",
    [
        None,
        1,
        lambda self: None,
        expect_failure(None),
        expect_failure(""),
        pytest.mark.skip(lambda self: None),
        pytest.mark.xfail(reason="Not yet", strict=False)(lambda self: None),
        pytest.mark.xfail(reason="Not yet", condition=False)(lambda self: None),
        pytest.mark.xfail(False, reason="Not yet")(lambda self: None),
        pytest.mark.xfail(reason="Not yet", run=False)(lambda self: None),
        pytest.mark.skip(reason="Later")(pytest.mark.xfail(reason="Not yet")(lambda self: None)),
        pytest.mark.parametrize("number", [])(pytest.mark.xfail(reason="Not yet")(lambda self: None)),
    ],
)
def test_a_test_that_is_taken_out_is_named(test: object) -> None:
    assert weakened_tests(type("TestMine", (AdapterConformance,), {"test_models_are_frozen": test})) == {
        "test_models_are_frozen"
    }


@pytest.mark.parametrize("mark", [pytest.mark.skip(reason="Later"), pytest.mark.xfail(reason="Not yet")])
def test_a_mark_on_the_suites_own_function_is_named(
    monkeypatch: pytest.MonkeyPatch, mark: pytest.MarkDecorator
) -> None:
    own = AdapterConformance.test_models_are_frozen
    monkeypatch.setattr(own, "pytestmark", [], raising=False)
    cls = type("TestMine", (AdapterConformance,), {"test_models_are_frozen": mark(own)})
    assert weakened_tests(cls) == {"test_models_are_frozen"}


@pytest.mark.parametrize("name", ["_conformance_is_whole", "test_conformance_is_whole"])
def test_the_check_itself_cannot_be_overridden(name: str) -> None:
    override = pytest.mark.xfail(reason="Not yet")(lambda self: None)
    assert name in weakened_tests(type("TestMine", (AdapterConformance,), {name: override}))


def test_a_test_may_be_expected_to_fail_with_a_reason() -> None:
    assert is_whole(type("TestMine", (AdapterConformance,), {"test_models_are_frozen": expect_failure("Not yet")}))


@pytest.fixture(scope="session")
def import_plugin() -> None:
    for name in (
        "unichat.pytest_plugin.conformance",
        "unichat.pytest_plugin.network",
        "unichat.pytest_plugin.scorecard",
        "tenacity",
    ):
        import_module(name)


def test_a_class_without_one_of_the_tests_fails_and_names_it(import_plugin: None, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE % "test_models_are_frozen = None")
    result = pytester.runpytest_inprocess("-p", "no:xdist", "-q", "-k", "TestFake and whole")
    assert result.ret != 0
    assert "TestFake overrides test_models_are_frozen" in str(result.stdout)


def test_a_test_that_is_expected_to_fail_and_passes_fails(import_plugin: None, pytester: pytest.Pytester) -> None:
    override = """@pytest.mark.xfail(reason="Not today")
        def test_models_are_frozen(self, client, user):
            pass"""
    pytester.makepyfile(SUITE % override)
    result = pytester.runpytest_inprocess("-p", "no:xdist", "-q", "-k", "models_are_frozen")
    result.assert_outcomes(failed=2)
    assert "XPASS(strict)" in str(result.stdout)


MARKED = {
    "test_marks.py": """
        import pytest
        from unichat.testing import AdapterConformance

        @pytest.mark.skip(reason="x")
        class TestClass(AdapterConformance):
            pass

        class Base(AdapterConformance):
            pytestmark = [pytest.mark.xfail(reason="x")]

        class TestBase(Base):
            @pytest.mark.parametrize("number", [1])
            def test_conformance_is_whole_i_hope(self, number):
                pass

        class TestConftest(AdapterConformance):
            @pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.skip(reason="x"))])
            def test_conformance_is_whole_with_a_number(self, number):
                pass
    """,
    "test_module.py": """
        import pytest
        from unichat.testing import AdapterConformance

        pytestmark = pytest.mark.skipif(False, reason="x")

        class TestModule(AdapterConformance):
            pass
    """,
    "conftest.py": """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "test_conformance_is_whole" and item.cls.__name__ == "TestConftest":
                    item.add_marker(pytest.mark.xfail(reason="x"))
    """,
}


def test_a_mark_on_tests_of_a_class_that_is_not_their_own_fails_them(
    import_plugin: None, pytester: pytest.Pytester
) -> None:
    for name, text in MARKED.items():
        (pytester.path / name).write_text(dedent(text), encoding="utf-8")
    result = pytester.runpytest_inprocess("-p", "no:xdist", "-q", "-k", "conformance_is_whole")
    result.assert_outcomes(errors=5, passed=1, skipped=1, deselected=result.parseoutcomes()["deselected"])
    for name, mark in {"Class": "skip", "Base": "xfail", "Conftest": "xfail", "Module": "skipif"}.items():
        assert f"Test{name} has the mark {mark} as a whole" in str(result.stdout)


def test_the_scorecard_says_what_was_skipped_and_why(import_plugin: None, pytester: pytest.Pytester) -> None:
    override = """@pytest.mark.xfail(reason="Not today")
        def test_models_are_frozen(self, client, user):
            raise AssertionError"""
    pytester.makepyfile(SUITE % override)
    result = pytester.runpytest_inprocess(
        "-p",
        "no:xdist",
        "-q",
        "--unichat-scorecard",
        "-k",
        "models_are or question_over_its_limit or returns_an_answer",
    )
    assert result.ret == 0, str(result.stdout)
    result.stdout.fnmatch_lines(
        [
            "*conformance of adapters, version 1*",
            "TestFake: 2 passed, 2 skipped, 2 xfailed",
            "    2 expected to fail: Not today",
            "    2 skipped: the capabilities are without question_limit",
        ]
    )
