"""How Sphinx builds these pages: `sphinx-build -W --keep-going -b html docs OUT`."""

import re
from html import escape

from attrs import fields, has
from docutils import nodes

import unichat

project = "unichat"
author = "the unichat authors"
project_copyright = "2026, the unichat authors"
release = version = unichat.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
# In docstrings, single backticks mean code, as in Markdown.
default_role = "literal"

html_theme = "furo"
html_title = f"unichat {release}"
html_static_path = ["_static"]
html_css_files = ["width.css"]
html_copy_source = False
html_show_sourcelink = False

# So that links such as [Secrets](configuration.md#secrets) are checked.
myst_heading_anchors = 3

autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_default_options = {"members": True}
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]


def typed_entries(_app, what, _name, documented, _options, lines):
    """Give each attribute its type, and each of several names with one text an entry of its own; napoleon cannot."""
    is_attrs = what in ("class", "exception") and has(documented)
    types = {field.name: field.type for field in fields(documented)} if is_attrs else {}
    for number, line in reversed(list(enumerate(lines))):
        match = re.fullmatch(r"( +)([a-z_]+(?:, [a-z_]+)*): (.*)", line)
        names = match[2].split(", ") if match else []
        if types.keys() >= set(names) and names:
            end = number + 1
            while end < len(lines) and lines[end].startswith(match[1] + " "):
                end += 1
            more = lines[number + 1 : end]
            lines[number:end] = [
                entry for name in names for entry in (f"{match[1]}{name} ({types[name]}): {match[3]}", *more)
            ]


def no_signature_of_errors(_app, what, _name, documented, _options, signature, returned):
    """Hide how an error is made: users catch them."""
    return ("", None) if what == "exception" and has(documented) else (signature, returned)


def fit_tables(_app, doctree, _page):
    """Prepare tables for narrow columns and phones; `_static/width.css` does the rest.

    A browser may break paths after a slash, and whatever is very long after an underscore as well. Each cell has its
    column's heading, which is shown where a row is a block.
    """
    for table in doctree.findall(nodes.table):
        headings = [entry.astext() for head in table.findall(nodes.thead) for entry in head.findall(nodes.entry)]
        for row in (row for body in table.findall(nodes.tbody) for row in body.findall(nodes.row)):
            for heading, entry in list(zip(headings, row.children, strict=False))[1:]:
                if heading and entry.children and entry.astext():
                    label = f'<span class="column">{escape(heading)}: </span>'
                    entry.children[0].insert(0, nodes.raw("", label, format="html"))
        for literal in list(table.findall(nodes.literal)):
            text = literal.astext()
            parts = re.split(r"(?<=[/_.=])(?=\w|\{)" if len(text) > 40 else r"(?<=/)(?=\w|\{)", text)
            literal.clear()
            for number, part in enumerate(parts):
                literal += [nodes.raw("", "<wbr>", format="html")] * bool(number) + [nodes.Text(part)]


def setup(app):
    """Have docstrings rewritten before napoleon reads them."""
    app.connect("doctree-resolved", fit_tables)
    app.connect("autodoc-process-docstring", typed_entries, priority=400)
    app.connect("autodoc-process-signature", no_signature_of_errors)
