"""Makes what docs/benchmarks.md shows of a result: `python -m bench.costs.page` draws its chart and writes its tables.

The result stands in `result.json` beside this file; a test compares the page's tables with it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench.costs import report

RESULT = Path(__file__).with_name("result.json")
DOCS = Path(__file__).parents[2] / "docs"
_GREY = "#808890"
"""Readable on white and on black."""
_OURS, _OTHERS = "#2f8f6b", "#8fa3b8"


def table(name: str) -> str:
    """Return one of the report's tables, made from the result that the documentation shows."""
    return report.as_markdown(json.loads(RESULT.read_text(encoding="utf-8")), name)


def draw(result: Any, file: Path) -> None:
    """Draw what a chat call costs beside bare requests, on a logarithmic scale; the background is left open."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    plain = {"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.size": 9}
    coloured = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), _GREY)
    titles = {"chat": "One chat call", "async chat": "One chat call, async"}
    cases = {case: title for case, title in titles.items() if case in result["cases"]}
    rows = {case: [row for row in result["cases"][case] if row.get("ratio")] for case in cases}
    heights = [len(each) for each in rows.values()]
    with pyplot.rc_context({**plain, **coloured}):
        figure, places = pyplot.subplots(
            len(cases), figsize=(8, 0.24 * sum(heights) + 1.6), height_ratios=heights, sharex=True, squeeze=False
        )
        for place, (case, title) in zip(places.flat, cases.items(), strict=True):
            _bars(place, sorted(rows[case], key=lambda row: -row["ratio"]), title)
        places[-1, 0].set_xlabel("CPU of a call, as a multiple of bare requests (logarithmic)")
        figure.tight_layout()
        # Without the date, the same result gives the same file.
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})


def _bars(place: Any, rows: list[dict[str, Any]], title: str) -> None:
    colours = [_OURS if "unichat" in row["name"] else _OTHERS for row in rows]
    bars = place.barh([row["name"] for row in rows], [row["ratio"] for row in rows], color=colours)
    place.bar_label(bars, [f"{row['ratio']:.2f}" for row in rows], padding=3, color=_GREY)
    place.set_xscale("log")
    place.axvline(1, color=_GREY, linewidth=0.8, linestyle=":")
    place.set_title(title, loc="left", color=_GREY)
    place.spines[["top", "right"]].set_visible(False)
    place.margins(x=0.12)


def main() -> None:
    """Draw the chart and write the tables."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    if {"chat", "async chat"} & result["cases"].keys():
        draw(result, DOCS / "benchmarks.svg")
    page = DOCS / "benchmarks.md"

    def fill(place: re.Match[str]) -> str:
        return f"{place[1]}\n{table(place[2])}\n\n{place[3]}"

    marks = re.compile(r"(<!-- table: benchmark-(\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
    page.write_text(marks.sub(fill, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
