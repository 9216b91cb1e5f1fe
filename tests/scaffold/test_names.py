"""Names of new adapters: which are valid, which are taken, and what is named after them."""

from __future__ import annotations

import keyword
import re
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vendors import write_distribution
from unichat import adapter
from unichat.config.plugins import SIMULATORS, find_plugin
from unichat.errors import InvalidInput
from unichat.references import ThreadRef
from unichat.scaffold.names import check_name, name_values

PYPROJECT = """
[project]
name = "unichat-taken"
version = "1.0"

[project.entry-points."unichat.{group}"]
taken = "somebodys_package:thing"
"""


@pytest.mark.parametrize("name", ["acme", "a", "acme_bot", "acme2", "a_2", "match", "a" * 30])
def test_check_name_takes_a_valid_name(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("acme-bot", "acme_bot"),
        ("Acme", "acme"),
        ("acme bot", "acme_bot"),
        ("acme_", "acme"),
        ("_acme", "acme"),
        ("acme__bot", "acme_bot"),
        ("acme.bot", "acme_bot"),
        ("acme/../bot", "acme_bot"),
        ("acme\n", "acme"),
        ("unichat-acme", "unichat_acme"),
        ("2acme", "acme"),
        ("Class", "class_bot"),
        ("Bridge-", "bridge_bot"),
        ("", "acme"),
        ("ácme", "cme"),
        ("..", "acme"),
        (None, "acme"),
        (7, "acme"),
    ],
)
def test_check_name_rejects_what_is_not_a_name_and_suggests_one(name, suggested):
    with pytest.raises(InvalidInput, match="is not a valid name") as caught:
        check_name(name)
    assert caught.value.argument == "name"
    assert str(caught.value).endswith(f", such as {suggested}.")


@given(st.text(max_size=60))
def test_check_name_suggests_only_what_is_valid(text):
    # To look at what is installed takes long.
    with patch("unichat.scaffold.names._find_owner", return_value=None):
        try:
            assert ThreadRef(check_name(text), "1").backend == text
            return
        except InvalidInput as error:
            message = str(error)
        if "is not a valid name" in message:
            assert check_name(message.rpartition("such as ")[2].rstrip("."))


@pytest.mark.parametrize("name", [each for each in keyword.kwlist if each.islower()])
def test_check_name_rejects_a_keyword(name):
    with pytest.raises(InvalidInput, match=f"'{name}': it is a keyword of Python. .*{name}_bot"):
        check_name(name)


def test_check_name_rejects_a_long_name():
    with pytest.raises(InvalidInput, match="over 30 characters"):
        check_name("a" * 31)


@pytest.mark.parametrize("name", ["kapa", "kadal"])
def test_check_name_rejects_an_installed_adapter(name):
    with pytest.raises(InvalidInput, match=f"the adapter unichat_{name}:backend has it already"):
        check_name(name)


CLASSES = [each for each in adapter.__all__ if re.fullmatch(r"[A-Z]\w+(Adapter|Settings|Simulator)", each)]


def test_name_values_name_no_class_as_unichat_names_one():
    assert "CommonSettings" in CLASSES
    for each in CLASSES:
        with pytest.raises(InvalidInput, match="unichat uses it itself"):
            check_name(re.sub("(Adapter|Settings|Simulator)$", "", each).lower())


@pytest.mark.parametrize("name", ["bridge", "fake"])
def test_check_name_rejects_what_unichat_uses_itself(name):
    with pytest.raises(InvalidInput, match="unichat uses it itself"):
        check_name(name)


@pytest.mark.parametrize("group", ["adapters", "simulators"])
def test_check_name_rejects_what_a_package_of_another_name_has_registered(tmp_path, monkeypatch, group):
    write_distribution(tmp_path, PYPROJECT.format(group=group).replace("unichat-taken", "somebodys-package"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match=f"the {group[:-1]} somebodys_package:thing has it already"):
        check_name("taken")


def test_check_name_rejects_the_name_of_an_installed_package(tmp_path, monkeypatch):
    write_distribution(tmp_path, PYPROJECT.format(group="others"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match="the package unichat-taken has it already"):
        check_name("taken")


def test_check_name_rejects_a_module_that_can_be_imported(tmp_path, monkeypatch):
    (tmp_path / "unichat_lying_about.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match="the adapter unichat_lying_about:backend has it already"):
        check_name("lying_about")


def test_name_values_say_what_is_named_after_an_adapter(tmp_path, monkeypatch):
    assert name_values("acme_bot2") == {
        "name": "acme_bot2",
        "title": "Acme Bot2",
        "prefix": "AcmeBot2",
        "env": "ACME_BOT2",
        "host": "acme-bot2",
    }
    # The simulator is found without metadata, too.
    (tmp_path / "unichat_acme_bot2.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    point = find_plugin(SIMULATORS, "acme_bot2")
    assert point is not None
    assert point.attr == "AcmeBot2Simulator"
