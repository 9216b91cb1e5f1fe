"""Settings in the wrong table: the message says where they belong."""

from __future__ import annotations

import pytest

from tests.config.conftest import GOOD, Refuse, Write


@pytest.mark.parametrize("text", [GOOD, 'url = "kapa://x"\n', 'default = "a"\n' + GOOD, 'api_key = "sentinel"\n'])
def test_settings_outside_of_a_profile_are_one_mistake(resolution_error: Refuse, write: Write, text: str) -> None:
    error = resolution_error(config=write(text))
    assert len(error.problems) == 1
    assert "outside of a profile. Write a line above, with a name of your choice: [profiles." in str(error)
    assert "sentinel" not in str(error)


def test_settings_outside_of_a_profile_are_told_the_backends_name(resolution_error: Refuse, write: Write) -> None:
    assert "[profiles.kapa]" in str(resolution_error(config=write(GOOD)))


def test_in_pyproject_the_line_has_its_prefix(resolution_error: Refuse, write: Write) -> None:
    path = write(f"[tool.unichat]\n{GOOD}", "pyproject.toml")
    assert "[tool.unichat.profiles.kapa]" in str(resolution_error(config=path))


def test_settings_under_profiles_itself_are_told_to_have_a_name(resolution_error: Refuse, write: Write) -> None:
    error = resolution_error(config=write(f"[profiles]\n{GOOD}"))
    assert len(error.problems) == 1
    assert "[profiles] has settings, but should have profiles, which have them" in str(error)
    assert "Give it a name, such as [profiles.support]." in str(error)


@pytest.mark.parametrize("head", ["[tool.unichat.profiles.a]", "[unichat.profiles.a]"])
def test_the_table_of_a_pyproject_is_told_to_be_there(resolution_error: Refuse, write: Write, head: str) -> None:
    error = resolution_error(config=write(f"{head}\n{GOOD}"))
    assert "only pyproject.toml has a table for each tool: here, default and profiles are at the top" in str(error)


@pytest.mark.parametrize("head", ["[support]", "[kapa]"])
def test_a_profile_of_its_own_is_told_where_it_belongs(resolution_error: Refuse, write: Write, head: str) -> None:
    error = resolution_error(config=write(f"{head}\n{GOOD}"))
    assert f"a profile belongs under profiles: [profiles.{head.strip('[]')}]" in str(error)
