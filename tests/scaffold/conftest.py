"""The packages that `new_adapter` writes, one of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scaffold.kinds import KINDS, NAMES
from unichat.scaffold import new_adapter


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with packages of every kind, each under several names: `KIND/NAME`."""
    folder = tmp_path_factory.mktemp("packages")
    for kind, arguments in KINDS.items():
        for name in NAMES:
            new_adapter(name, folder / kind / name, **arguments)
    return folder
