"""An answer as HTML, for notebooks."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.models import Answer, Source


@given(st.text(), st.text(), st.text())
def test_no_text_of_the_vendors_becomes_markup(text, title, url):
    shown = Answer(text=text, sources=(Source(url, title), Source("https://" + url, title)))._repr_html_()
    tags = {tag.partition(" ")[0] for tag in re.findall(r"<(/?[^>]*)>", shown)}
    assert tags <= {"div", "/div", "p", "/p", "em", "/em", "ul", "/ul", "li", "/li", "a", "/a"}
    assert re.findall(r' (\w+)="[^"]*"', re.sub(r">[^<]*<", "><", shown)) in (
        ["class", "href", "rel"],
        ["class", "href", "rel", "href", "rel"],
    )


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "file:///etc", ""]
)
def test_only_web_addresses_become_links(url):
    shown = Answer(text="a", sources=(Source(url, "Title"),))._repr_html_()
    assert "href" not in shown
    assert "<li>Title</li>" in shown


def test_a_web_address_becomes_a_link_with_its_title_or_itself():
    shown = Answer(text="a", sources=(Source("https://x.org/?a=1&b=2", "T"), Source("HTTP://x.org")))._repr_html_()
    assert '<a href="https://x.org/?a=1&amp;b=2" rel="noopener noreferrer">T</a>' in shown
    assert '<a href="HTTP://x.org" rel="noopener noreferrer">HTTP://x.org</a>' in shown


def test_a_quote_in_an_address_does_not_end_the_attribute():
    shown = Answer(text="a", sources=(Source('https://x.org/" onmouseover="alert(1)', "T"),))._repr_html_()
    assert 'onmouseover="' not in shown


def test_paragraphs_uncertainty_and_sources_show():
    shown = Answer(text="one <b>\n\n\n\ntwo", uncertain=True, sources=(Source("", "T"),))._repr_html_()
    assert shown == (
        '<div class="unichat-answer"><p>one &lt;b&gt;</p><p>two</p>'
        "<p><em>The vendor marks this answer as uncertain.</em></p><p>Sources</p><ul><li>T</li></ul></div>"
    )
    assert html.unescape(Answer(text="a & b")._repr_html_()) == '<div class="unichat-answer"><p>a & b</p></div>'


def test_a_source_without_an_address_is_shown_by_its_title_and_one_without_either_as_unnamed():
    shown = Answer(text="a", sources=(Source(None, "Manual"), Source(None)))._repr_html_()
    assert "<li>Manual</li><li>unnamed</li>" in shown
