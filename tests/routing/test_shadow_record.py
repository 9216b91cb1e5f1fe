"""The record of a shadow: whole lines, for the owner only, and a warning where it cannot be written."""

from __future__ import annotations

import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from unichat.errors import ServerError
from unichat.models import Answer, Source
from unichat.routing.shadow_record import ShadowRecord, Side, format_line

AT = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


def test_a_line_has_both_sides() -> None:
    answer = Answer(text="Zwei\nZeilen", sources=(Source("https://a.example", title="A"),), profile="deep")
    line = format_line(AT, "Wie?", Side("a", answer, None, 0.12345), Side("b", None, ServerError("down"), 2.0))
    assert "\n" not in line
    assert json.loads(line) == {
        "at": "2026-11-30T08:00:00+00:00",
        "question": "Wie?",
        "primary": {
            "profile": "deep",
            "text": "Zwei\nZeilen",
            "sources": [{"url": "https://a.example", "title": "A"}],
            "seconds": 0.123,
            "error": None,
        },
        "other": {"profile": "b", "text": None, "sources": [], "seconds": 2.0, "error": "down"},
    }


def test_lines_of_many_threads_are_whole(tmp_path: Path) -> None:
    records = [ShadowRecord(str(tmp_path / "shadow.jsonl")) for _ in range(2)]
    lines = [json.dumps({"number": number, "text": "ä" * 3_000}) for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda numbered: records[numbered[0] % 2].append(numbered[1]), enumerate(lines)))
    written = (tmp_path / "shadow.jsonl").read_text("utf-8").splitlines()
    assert sorted(written) == sorted(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    before = os.umask(0)
    try:
        ShadowRecord(str(path)).append("{}")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_is_one_warning_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = ShadowRecord(str(tmp_path / "missing" / "shadow.jsonl"))
    with caplog.at_level(logging.WARNING):
        record.append("{}")
        record.append("{}")
        assert len(caplog.records) == 1
        assert "cannot be written" in caplog.text
        (tmp_path / "missing").mkdir()
        record.append("{}")
        record.path = str(tmp_path)
        record.append("{}")
    assert len(caplog.records) == 2
    assert (tmp_path / "missing" / "shadow.jsonl").read_text("utf-8") == "{}\n"


def test_what_a_full_disk_cuts_off_takes_no_other_line_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "shadow.jsonl"
    record, of_another_process = ShadowRecord(str(path)), ShadowRecord(str(path))
    record.append("first")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:3]))
    record.append("half of it")
    monkeypatch.undo()
    of_another_process.append("of another process")
    record.append("last")
    assert path.read_text("utf-8").splitlines() == ["first", "hal", "of another process", "last"]
    assert "the disk is full" in caplog.text


def test_a_line_that_somebody_left_without_its_end_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    path.write_text("edited by hand", encoding="utf-8")
    for _ in range(2):
        ShadowRecord(str(path)).append("{}")
    assert path.read_text("utf-8") == "edited by hand\n{}\n{}\n"
