"""Which files of a folder are documents, whatever links it has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pace import PATIENCE
from unichat.sandbox import SandboxError
from unichat.sandbox.documents import read_documents
from unichat.sandbox.folders import find_markdown

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def write(path: Path, text: str = "# Kettle\n\nIt boils.\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(name for name, _ in find_markdown(folder))


def test_find_markdown_with_a_link_to_the_folder_itself_finds_each_file_once(docs: Path) -> None:
    write(docs / "a.md")
    write(docs / "sub" / "b.md")
    (docs / "again").symlink_to(docs)
    (docs / "sub" / "up").symlink_to("..")
    (docs / "sub" / "here").symlink_to(".")
    assert names(docs) == ["a.md", "sub/b.md"]


def test_find_markdown_with_packages_that_link_each_other_finds_each_file_once(docs: Path) -> None:
    for package in ("a", "b", "c"):
        write(docs / package / "readme.md")
        (docs / package / "modules").mkdir()
        for other in ("a", "b", "c"):
            (docs / package / "modules" / other).symlink_to(docs / other)
    assert names(docs) == ["a/readme.md", "b/readme.md", "c/readme.md"]


def test_find_markdown_with_a_link_to_a_file_finds_it_under_its_own_name(docs: Path) -> None:
    write(docs / "z.md")
    (docs / "a.md").symlink_to("z.md")
    (docs / "b.md").symlink_to("a.md")
    assert names(docs) == ["z.md"]


def test_find_markdown_with_a_link_to_what_is_skipped_under_its_own_name_finds_it_once(docs: Path) -> None:
    write(docs / "_versions" / "2" / "a.md")
    write(docs / ".shared" / "b.md")
    (docs / "latest").symlink_to("_versions/2")
    (docs / "stable").symlink_to("_versions/2")
    (docs / "b.md").symlink_to(".shared/b.md")
    assert names(docs) == ["b.md", "latest/a.md"]


def test_find_markdown_in_a_folder_that_is_a_link_finds_its_files(docs: Path, tmp_path: Path) -> None:
    write(docs / "a.md")
    (tmp_path / "link").symlink_to(docs)
    assert names(tmp_path / "link") == ["a.md"]


@pytest.mark.parametrize("target", ["outside", "outside/a.md", "..", "/etc"])
def test_find_markdown_with_a_link_out_of_the_folder_passes_it_over(
    docs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    write(tmp_path / "outside" / "a.md")
    write(docs / "b.md")
    link = "out.md" if target.endswith(".md") else "out"
    (docs / link).symlink_to(tmp_path / target)
    assert names(docs) == ["b.md"]
    assert caplog.messages == [f"docs: '{link}' is passed over: it is a link out of the folder"]


@pytest.mark.parametrize("link", ["a.md", "guide"])
def test_find_markdown_with_a_link_that_leads_nowhere_names_it(
    docs: Path, caplog: pytest.LogCaptureFixture, link: str
) -> None:
    write(docs / "b.md")
    (docs / link).symlink_to("missing")
    (docs / "picture.png").symlink_to("missing.png")
    assert names(docs) == ["b.md"]
    assert caplog.messages == [f"docs: '{link}' is passed over: it is a link that leads nowhere"]


def test_find_markdown_with_a_link_to_itself_names_it(docs: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(docs / "b.md")
    (docs / "a.md").symlink_to("a.md")
    assert names(docs) == ["b.md"]
    assert "'a.md' is passed over" in caplog.text


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, unix_socket])
def test_find_markdown_with_what_is_not_a_regular_file_names_it(
    docs: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None]
) -> None:
    write(docs / "b.md")
    make(docs / "a.md")
    assert [document.name for document in read_documents(docs)] == ["b.md"]
    assert caplog.messages == ["docs: 'a.md' is passed over: it is not a regular file"]


def test_find_markdown_with_a_link_to_a_device_passes_it_over(docs: Path) -> None:
    write(docs / "b.md")
    device(docs / "a.md")
    assert names(docs) == ["b.md"]


def test_find_markdown_with_a_folder_that_cannot_be_listed_names_it(
    docs: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(docs / "b.md")
    write(docs / "closed" / "a.md")
    list_folder = Path.iterdir

    def iterdir(self: Path) -> object:
        if self.name == "closed":
            raise PermissionError(13, "Permission denied")
        return list_folder(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert names(docs) == ["b.md"]
    assert caplog.messages == ["docs: 'closed' is passed over: Permission denied"]


def test_read_documents_with_a_file_that_cannot_be_read_names_it(
    docs: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(docs / "b.md")
    write(docs / "a.md")
    read = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if self.name == "a.md":
            raise PermissionError(13, "Permission denied")
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert [document.name for document in read_documents(docs)] == ["b.md"]
    assert caplog.messages == ["docs: 'a.md' is passed over: Permission denied"]


@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
def test_find_markdown_with_a_name_that_is_not_utf_8_names_it(docs: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(docs / "b.md")
    write(docs / os.fsdecode(b"caf\xe9.md"))
    assert names(docs) == ["b.md"]
    assert caplog.messages == [r"docs: 'caf\udce9.md' is passed over: its name is not UTF-8"]


def test_find_markdown_in_folders_of_any_depth_finds_the_deepest(docs: Path) -> None:
    folder = docs
    for _ in range(200):
        folder = folder / "d"
    write(folder / "a.md")
    assert names(docs) == ["d/" * 200 + "a.md"]


def test_read_documents_with_only_bad_files_says_that_there_is_nothing_to_read(docs: Path) -> None:
    pipe(docs / "a.md")
    with pytest.raises(SandboxError, match="has no Markdown file"):
        read_documents(docs)


def test_the_command_names_the_bad_file_and_answers_from_the_others(docs: Path) -> None:
    write(docs / "b.md", "# Threads\n\nA thread is a conversation.\n")
    (docs / "a.md").symlink_to("missing.md")
    done = subprocess.run(
        [sys.executable, "-m", "unichat", "demo", "--docs", str(docs)],
        capture_output=True,
        encoding="utf-8",
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stderr == "warning: docs: 'a.md' is passed over: it is a link that leads nowhere\n"


def test_documents_are_found_whatever_the_case_of_their_suffix_and_read_in_utf_16(tmp_path, caplog):
    (tmp_path / "UPPER.MD").write_text("# Upper\n\nOne.\n", encoding="utf-8")
    (tmp_path / "wide.md").write_text("# Wide\n\nTwo é.\n", encoding="utf-16")
    (tmp_path / "latin.md").write_text("# Latin\n\nThree é.\n", encoding="latin-1")
    with caplog.at_level("WARNING"):
        found = {document.name: document.text for document in read_documents(tmp_path)}
    assert found["UPPER.MD"].startswith("# Upper")
    assert "Two é." in found["wide.md"]
    assert "Three \ufffd." in found["latin.md"]
    assert caplog.messages == ["docs: 'latin.md': it is not UTF-8, and what cannot be read of it is lost"]
