"""The edits of docs/new-adapter.md, made in a package: `python tests/docs/new_adapter_page.py FOLDER`.

FOLDER is the one that holds `parley`, as `unichat new-adapter` has written it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "new-adapter.md"


def edits() -> Mapping[str, str]:
    """Return the files that the page shows, by their paths."""
    text = PAGE.read_text(encoding="utf-8")
    return dict(re.findall(r"^```python\n# (parley/\S+\.py)\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def make_edits(folder: Path) -> None:
    """Write them over those that are there."""
    for path, text in edits().items():
        (folder / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make_edits(Path(sys.argv[1]))
