"""How documents are parsed, and what is seen of their HTML."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.sandbox.documents import Document
from unichat.sandbox.markdown import headings, html_text, parse, render
from unichat.sandbox.passages import split_into_passages


def anchors(text: str) -> list[str]:
    return [heading.anchor for heading in headings(parse(text))]


def ids(text: str) -> list[str]:
    """The ids of the headings on the page."""
    return re.findall(r'<h\d id="([^"]*)">', render(parse(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\n# A\n\n# A\n", ["a", "a-1", "a-2"]),
        ("# A\n\n# A 1\n\n# A\n", ["a", "a-1", "a-2"]),
        ("# A 1\n\n# A\n\n# A\n", ["a-1", "a", "a-2"]),
        ("# A-1\n\n# a\n\n# A!\n\n# *A*\n", ["a-1", "a", "a-2", "a-3"]),
        ("# !\n\n# ?\n\n# Section\n", ["section", "section-1", "section-2"]),
        ("# 安装\n\n# 安装\n", ["安装", "安装-1"]),
        ("# Caf\u00e9\n\n# Cafe\u0301\n", ["café", "café-1"]),
        ("A\n=\n\nA\n-\n", ["a", "a-1"]),
    ],
)
def test_headings_that_are_equal_have_an_anchor_each(text: str, expected: list[str]) -> None:
    assert anchors(text) == expected
    assert ids(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<div>\n# no heading\n</div>\n\n# Kettle\n\nIt boils.\n\n# no heading\n",
        "<!--\n# Kettle\n-->\n# Kettle\n\nIt boils.\n",
        "<details>\n<summary>Kettle</summary>\n\n# Kettle\n\nIt boils.\n</details>\n\n# Kettle\n\nIt sings.\n",
        "<script>\n# Kettle\n</script>\n\n# Kettle\n\nIt boils.\n",
    ],
)
def test_a_page_with_html_has_the_ids_that_its_passages_name(text: str) -> None:
    assert ids(text) == anchors(text)
    passages = split_into_passages(Document("a.md", text))
    assert {passage.anchor for passage in passages if passage.anchor} <= set(ids(text))


@given(st.lists(st.sampled_from(["# A\n", "# A 1\n", "# a-1-1\n", "<div>\n", "</div>\n", "\n", "text\n", "---\n"])))
def test_any_page_has_the_ids_that_its_passages_name_once_each(lines: list[str]) -> None:
    text = "".join(lines)
    assert len(set(ids(text))) == len(ids(text))
    for passage in split_into_passages(Document("a.md", text)):
        assert not passage.anchor or passage.anchor in ids(text)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div>\nThe <b>kettle</b> boils.\n</div>", "The kettle boils."),
        ("<p>One</p><p>Two<br>Three</p>", "One\nTwo\nThree"),
        ("<table><tr><th>Part</th><td>Lid</td></tr><tr><td>Base</td></tr></table>", "Part Lid\nBase"),
        ("<details><summary>More</summary>Descale it &amp; rinse.</details>", "More\nDescale it & rinse."),
        ("<!-- a note --><p>Seen</p><!-- another -->", "Seen"),
        ("<style>p { color: red }</style><script>if (a < b) {}</script>Seen", "Seen"),
        ("<ul><li>One</li><li>Two</li></ul>", "One\nTwo"),
        ("<p>never closed", "never closed"),
        ("<![foo[ x ]]> Seen", "Seen"),
        ("<![CDATA[ x ]]>", ""),
        ("<!-- only a comment -->", ""),
        ("<img src='a.png'>", ""),
        ("&lt;script&gt;", "<script>"),
    ],
)
def test_html_text_is_what_a_reader_would_see(html: str, expected: str) -> None:
    assert html_text(html) == expected


@given(st.text(alphabet=st.sampled_from("<>!/[]-&;=\"' abpdiv\nscriptCDATA#x")))
def test_html_text_of_any_text_is_returned(html: str) -> None:
    assert isinstance(html_text(html), str)


def test_render_shows_html_as_its_text_and_never_as_html() -> None:
    page = render(parse("<div onclick='x()'>The &lt;kettle&gt;<br>boils</div>\n\nIt <b>sings</b>.<!-- x -->\n"))
    assert page == "<p>The &lt;kettle&gt;<br>\nboils</p>\n<p>It sings.</p>\n"
