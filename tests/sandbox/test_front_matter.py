"""What site generators write above a page's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.sandbox.front_matter import split_front_matter

TEXT = "# Kettle\n\nIt boils.\n"


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: Water kettle\n---\n",
        "---\ntitle: Water kettle\n...\n",
        "--- \ntitle: Water kettle\n---\t\n",
        "\n\n---\ntitle: Water kettle\n---\n",
        "---yaml\ntitle: Water kettle\n---\n",
        "--- YML\ntitle: Water kettle\n---\n",
        '---\n# a comment\n\ntitle: "Water kettle"  # the page\ntags:\n- a\n- b\n  - c\nnested:\n  key: value\n---\n',
        "---\nog:title: other\n'title' : 'Water kettle'\ndescription: >-\n  Over\n  lines\nlist: [\n  a,\n]\n---\n",
        "---\nTitle: Water kettle\nnamed\\:it: yes\n---\n",
        '+++\ntitle = "Water kettle"\n[extra]\nweight = 3\n+++\n',
        "+++\n# a comment\ntitle = 'Water kettle'\n+++\n",
        '---toml\ntitle = "Water kettle"\n---\n',
        '{\n  "title": "Water kettle",\n  "tags": ["a", {"b": 1}]\n}\n',
        '{"title": "Water kettle"} \n\n',
        ';;;\n{"title": "Water kettle"}\n;;;\n',
        '---json\n{"title": "Water kettle"}\n---\n',
        "title: Water kettle\nauthor: Ada\n\n",
        "Author: Ada\nTitle:   Water kettle\nSummary: Over\n    two lines\n\n",
        "% Water kettle\n% Ada\n% 2026-11-30\n\n",
        "% Water\n  kettle\n",
    ],
)
def test_split_front_matter_of_every_usual_form_returns_title_and_text(front: str) -> None:
    title, text = split_front_matter(front + TEXT)
    assert title == "Water kettle"
    assert text.lstrip("\n") == TEXT


@pytest.mark.parametrize(
    "front",
    [
        "---\n---\n",
        "---\n\n---\n",
        "---\ntags: [a]\n---\n",
        "---\ntitle: |\n  Over\n  lines\n---\n",
        "---\ntitle:\n  in: another form\n---\n",
        "---\n{title: flow}\n---\n",
        "+++\n+++\n",
        "+++\nbroken = \n+++\n",
        "+++\ntitle = 3\n+++\n",
        '{"tags": []}\n',
    ],
)
def test_split_front_matter_without_a_title_returns_the_text_alone(front: str) -> None:
    title, text = split_front_matter(front + TEXT)
    assert (title, text) == ("", TEXT)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "",
        "---\n",
        "---\nThis is a sentence between two breaks.\n\n---\n" + TEXT,
        "---\ntitle: never ended\n\n" + TEXT,
        "---\n- a\n- b\n---\n",
        "+++\nmore text\n+++\n" + TEXT,
        "----\ntitle: x\n----\n",
        "Note: the kettle is hot.\n\n" + TEXT,
        "Title: a page\nand a sentence without a key\n\n" + TEXT,
        "{% include header %}\n" + TEXT,
        "{not json}\n",
        '{"a": 1} is an object\n',
        "[1, 2]\n",
        "%percent\n",
        ";;;\n[1]\n;;;\n",
    ],
)
def test_split_front_matter_of_a_page_without_any_leaves_it_as_it_is(text: str) -> None:
    assert split_front_matter(text) == ("", text)


def test_split_front_matter_at_the_end_of_a_file_leaves_no_text() -> None:
    assert split_front_matter("---\ntitle: x\n---") == ("x", "")


def test_split_front_matter_of_deeply_nested_json_leaves_it_as_it_is() -> None:
    text = '{"a": ' * 100_000
    assert split_front_matter(text) == ("", text)


@given(st.text(alphabet=st.sampled_from("-+;{}%:=\"'[]ab \n#.|\\,1"), max_size=80))
def test_split_front_matter_of_any_text_returns_an_end_of_it(text: str) -> None:
    _, rest = split_front_matter(text)
    assert text.endswith(rest)
