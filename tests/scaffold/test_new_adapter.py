"""`new_adapter`: where it writes, and that it writes all or nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from unichat.errors import InvalidInput
from unichat.scaffold import new_adapter


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_new_adapter_returns_what_it_wrote(tmp_path):
    written = new_adapter("acme", tmp_path / "new")
    assert sorted(written) == sorted(path for path in (tmp_path / "new").rglob("*") if path.is_file())
    assert tmp_path / "new" / "unichat_acme" / "adapter.py" in written


@pytest.mark.parametrize("form", [str, Path])
def test_new_adapter_takes_a_folder_as_text_and_as_a_path_and_makes_those_above(tmp_path, form):
    new_adapter("acme", form(tmp_path / "a" / "b" / "c"))
    assert (tmp_path / "a" / "b" / "c" / "pyproject.toml").is_file()


def test_new_adapter_takes_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path("pyproject.toml") in new_adapter("acme", ".")
    assert (tmp_path / "pyproject.toml").is_file()


def test_new_adapter_writes_the_same_bytes_each_time(tmp_path):
    for name in ("first", "second"):
        new_adapter("acme", tmp_path / name, streams=True)
    for path in files_below(tmp_path / "first"):
        first, second = tmp_path / "first" / path, tmp_path / "second" / path
        assert first.is_dir() or first.read_bytes() == second.read_bytes()
        assert first.is_dir() or b"\r" not in first.read_bytes()


@pytest.mark.parametrize(
    ("folder", "problem"),
    [
        ("full", "'full' is not empty: it has '.git'"),
        ("file", "'file' is a file, or below one"),
        ("file/below", "'file/below' is a file, or below one"),
        ("", "'' has no name"),
        (" ", "' ' has no name"),
        ("nul\0", "cannot be read"),
        ("x" * 300, "cannot be read|cannot be written to"),
    ],
)
def test_new_adapter_rejects_a_folder_and_leaves_everything_as_it_was(tmp_path, monkeypatch, folder, problem):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full" / ".git").mkdir(parents=True)
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    before = files_below(tmp_path)
    with pytest.raises(InvalidInput, match=problem) as caught:
        new_adapter("acme", folder)
    assert caught.value.argument == "folder"
    assert files_below(tmp_path) == before
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anything")
def test_new_adapter_rejects_a_folder_that_is_not_to_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InvalidInput, match="Permission denied"):
        new_adapter("acme", tmp_path / "new")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_new_adapter_rejects_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="cannot be written to"):
        new_adapter("acme", tmp_path / "link")
    assert files_below(tmp_path) == ["link"]


@pytest.mark.parametrize("count", [0, 1, 5, 10])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("exists", [True, False])
def test_new_adapter_that_fails_leaves_nothing(tmp_path, monkeypatch, count, failure, exists):
    opened, real = [], Path.open

    def fail_later(self, *args, **kwargs):
        if not self.is_relative_to(tmp_path):
            return real(self, *args, **kwargs)
        opened.append(self)
        if len(opened) > count:
            # What a full disk leaves: a file without its text.
            real(self, "x").close()
            raise failure
        return real(self, *args, **kwargs)

    folder = tmp_path / "above" / "new"
    if exists:
        folder.mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", fail_later)
        with pytest.raises((InvalidInput, KeyboardInterrupt)) as caught:
            new_adapter("acme", folder)
    assert len(opened) == count + 1
    assert files_below(tmp_path) == (["above", "above/new"] if exists else [])
    if isinstance(caught.value, InvalidInput):
        assert "cannot be written to (No space left on device)" in str(caught.value)


def test_new_adapter_rejects_an_unknown_api(tmp_path):
    with pytest.raises(InvalidInput, match=r"api is 'opanai'. Use plain or openai."):
        new_adapter("acme", tmp_path / "new", api="opanai")
    assert files_below(tmp_path) == []


def test_new_adapter_rejects_a_name_before_it_looks_at_the_folder(tmp_path):
    with pytest.raises(InvalidInput, match="is not a valid name"):
        new_adapter("acme-bot", tmp_path / "new")
    assert files_below(tmp_path) == []
