"""The vendors that the tests of neutral behaviour run over: the built-in ones, and the examples in `examples/`.

A vendor is one entry of `VENDORS`; the tests that are about all vendors take their lists from here. An example is
installed as a package of somebody else's would be: by its entry points.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

from attrs import field, frozen

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
KEY = "sentinel-key-0123456789"
PROJECT = "9ec8a81a-31b2-4a83-bcd8-cef9150932d2"
BOT = "12345ewdwe122"


@frozen(kw_only=True)
class Vendor:
    """What tests need to know of a vendor that its capabilities do not say.

    Attributes:
        given: settings that are good, but lead to no server.
        key: the setting that holds the key.
        unknown_answer: an id that looks like an answer's, and is none.
        variants: settings that change the capabilities, by what they are.
        keeps_ratings: whether a receipt and the history show the rating and its comment.
        ratings_in_history: whether the history shows each user's rating.
        rated_by_anybody: whether a user may rate what another one was told.
        history_by_conversation: whether a user's history is read conversation by conversation.
        folder: where its package is, if it is an example.
    """

    name: str
    given: Mapping[str, Any]
    key: str = "api_key"
    unknown_answer: str | int = "00000000-0000-4000-8000-000000000000"
    variants: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    keeps_ratings: bool = True
    ratings_in_history: bool = False
    rated_by_anybody: bool = True
    history_by_conversation: bool = False
    folder: Path | None = None

    @property
    def backend(self) -> Any:
        """The adapter, whether it is installed or not."""
        with _importable(self.folder):
            return import_module(f"unichat_{self.name}").backend

    @property
    def simulator(self) -> Any:
        """The class of its simulator."""
        with _importable(self.folder):
            module = import_module(f"unichat_{self.name}.simulator")
        return next(value for name, value in vars(module).items() if name.lower() == f"{self.name}simulator")


VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            name="kadal",
            given={"token": KEY, "chat_bot_id": BOT, "rating_ids": {"up": 1, "down": 2}},
            key="token",
            unknown_answer=10**9,
            variants={
                "isolated threads": {"threads": "isolated"},
                "newer history": {"history_version": "v7"},
                "isolated threads, newer history": {"threads": "isolated", "history_version": "v7"},
                "older sending": {"send_version": "v1"},
                "users required": {"require_user": True},
            },
        ),
        Vendor(name="kapa", given={"api_key": KEY, "project_id": PROJECT}, ratings_in_history=True),
        Vendor(
            name="dify",
            given={"api_key": KEY},
            keeps_ratings=False,
            ratings_in_history=True,
            rated_by_anybody=False,
            history_by_conversation=True,
            folder=EXAMPLES / "dify",
        ),
        Vendor(
            name="openai",
            given={"api_key": KEY, "model": "gpt"},
            variants={"turns in the reference": {"turns": "reference"}},
            folder=EXAMPLES / "openai",
        ),
    )
}
NAMES = tuple(VENDORS)
BUILT_IN = tuple(name for name, vendor in VENDORS.items() if vendor.folder is None)


@contextmanager
def _importable(folder: Path | None) -> Iterator[None]:
    if folder is None or str(folder) in sys.path:
        yield
        return
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def write_distribution(folder: Path, pyproject: str) -> None:
    """Write what pip would leave beside a package: its metadata, with the entry points."""
    project = tomllib.loads(pyproject)["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))


@contextmanager
def install_examples(folder: Path) -> Iterator[None]:
    """Have the examples installed, with their metadata in `folder`, as long as the block lasts."""
    paths = [str(folder)]
    for vendor in VENDORS.values():
        if vendor.folder is not None:
            write_distribution(folder, (vendor.folder / "pyproject.toml").read_text(encoding="utf-8"))
            paths.append(str(vendor.folder))
    sys.path[:0] = paths
    invalidate_caches()
    try:
        yield
    finally:
        for path in paths:
            sys.path.remove(path)
        invalidate_caches()
