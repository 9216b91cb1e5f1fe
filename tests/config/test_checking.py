"""Checks of a profile without raising."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.config.conftest import ENV, PROFILE, Write
from unichat.config import check_profile


def test_a_valid_profile_has_no_problems(write: Write, finders: dict[str, Any]) -> None:
    path = write(PROFILE)
    check = check_profile(config=path, environ=ENV, **finders)
    assert (check.profile, check.path, check.backend) == ("support", path, "kapa")
    assert (check.problems, check.warnings) == ((), ())


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_a_check_returns_problems_and_warnings(write: Write, finders: dict[str, Any]) -> None:
    path = write('[profiles.a]\n[profiles.b]\nbackend = "kapa"\napi_key = "sentinel"\n')
    path.chmod(0o644)
    check = check_profile("b", config=path, environ={}, **finders)
    assert [len(check.problems), len(check.warnings)] == [1, 1]
    assert "project_id is missing" in check.problems[0].line()
    assert "sentinel" not in repr(check)


def test_a_check_without_a_file_is_a_problem(tmp_path: Path, finders: dict[str, Any]) -> None:
    check = check_profile(environ={}, cwd=tmp_path, **finders)
    assert (check.profile, check.path, check.backend, len(check.problems)) == (None, None, None, 1)


def test_a_check_of_an_unknown_adapter_names_no_backend(write: Write, finders: dict[str, Any]) -> None:
    check = check_profile(config=write('[profiles.a]\nbackend = "kappa"\n'), environ={}, **finders)
    assert check.backend is None
