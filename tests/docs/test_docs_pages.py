"""The README and the pages of docs/: tables made from the code, the install commands, and what Sphinx makes of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs import regenerate
from unichat.sandbox.answers import Library
from unichat.sandbox.documents import read_documents

README = (regenerate.ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install -q '.[cli,sandbox]' && .venv/bin/unichat demo",
    "python3 -m venv .venv-dev && .venv-dev/bin/pip install -q -e '.[dev]' && .venv-dev/bin/pytest",
)


def fences(page: Path, language: str) -> list[str]:
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == language]


@pytest.mark.parametrize("page", regenerate.PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_what_the_code_says(page):
    text = page.read_text(encoding="utf-8")
    assert text == regenerate.rewrite(text), "run: python tests/docs/regenerate.py"


def test_every_table_stands_on_a_page_and_every_mark_is_a_table():
    texts = [page.read_text(encoding="utf-8") for page in regenerate.PAGES]
    shown = {name for text in texts for name in regenerate.names(text)}
    # A new backend may come without docs, but not with half of its tables.
    undocumented = {name for tables in regenerate.BACKEND_TABLES.values() if not shown & set(tables) for name in tables}
    assert shown == set(regenerate.TABLES) - undocumented
    assert sum(len(re.findall("^<!-- table: ", text, re.MULTILINE)) for text in texts) == sum(
        len(regenerate.names(text)) for text in texts
    )


def test_an_altered_table_is_noticed_and_fixed():
    page = regenerate.ROOT / "docs" / "cli.md"
    text = page.read_text(encoding="utf-8")
    altered = text.replace("| `130` |", "| `131` |")
    assert altered != text
    assert regenerate.rewrite(altered) == text


def test_the_first_two_shell_blocks_of_the_readme_are_the_two_commands_of_a_line_each():
    assert tuple(block.rstrip("\n") for block in fences(regenerate.ROOT / "README.md", "sh")[:2]) == COMMANDS


def test_no_page_says_to_install_the_package_that_belongs_to_somebody_else():
    for page in regenerate.PAGES:
        assert not re.search(r"pip install\s+(-\S+\s+)*['\"]?unichat\b(?!-bridge)", page.read_text(encoding="utf-8")), (
            page
        )


def test_the_readme_says_which_extras_the_demo_needs():
    # The first command must not depend on what only developers have.
    assert "'.[cli,sandbox]'" in README


def test_every_link_between_pages_leads_to_a_file():
    for page in regenerate.PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_stands_in_a_table_of_contents():
    index = (regenerate.ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = {line for block in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL) for line in block.split()}
    assert {page.stem for page in regenerate.PAGES[1:] if page.stem != "index"} <= listed


def test_markdown_stays_flat_since_the_package_ships_one_folder():
    docs = regenerate.ROOT / "docs"
    built = docs / "_build"
    assert [page for page in docs.rglob("*.md") if page.parent != docs and built not in page.parents] == []


@pytest.fixture(scope="module")
def library():
    with_pages = Library(read_documents())
    yield with_pages
    with_pages.close()


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("What is unichat?", "index.md"),
        ("How do I install unichat?", "tutorial.md"),
        ("What is a thread?", "threads.md"),
        ("How do I switch vendors?", "switching.md"),
        ("How do I store a thread?", "threads.md"),
        ("Where does unichat look for the config file?", "configuration.md"),
        ("How do I keep secrets out of the file?", "configuration.md"),
        ("Where do I put my API key?", "configuration.md"),
        ("What are the exit codes?", "cli.md"),
        ("Which errors are retried?", "errors.md"),
        ("How do retries work?", "reliability.md"),
        ("What does 507 mean?", "reliability.md"),
        ("What is StaleThread?", "threads.md"),
        ("How do I add an adapter?", "adding-an-adapter.md"),
        ("How do I enable shell completion?", "cli.md"),
        ("How long is Retry-After honoured?", "reliability.md"),
        ("Can I keep the sandbox's state?", "sandbox.md"),
        ("How do I use my own documents in the sandbox?", "sandbox.md"),
        ("How do I stream an answer?", "tutorial.md"),
        ("Does Kadal support streaming?", "tutorial.md"),
        ("How do I clear the history?", "tutorial.md"),
        ("Which Python versions are supported?", "versioning.md"),
    ],
)
def test_the_sandbox_answers_questions_about_unichat_from_the_page_that_is_about_them(library, question, page):
    answer = library.answer(question, source_url=lambda passage: passage.path)
    assert not answer.uncertain
    assert page in {passage.document for passage in answer.passages}, answer.text


def test_the_operations_example_of_the_pyproject_names_both_groups_of_entry_points():
    (text,) = fences(regenerate.ROOT / "docs" / "adding-an-adapter.md", "toml")
    assert set(tomllib.loads(text)["project"]["entry-points"]) == {"unichat.adapters", "unichat.simulators"}


def test_every_path_that_the_architecture_names_exists():
    text = (regenerate.ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:unichat|adapters|tests|bench|docs|examples)/[\w./*-]*)`", text)
    assert [path for path in paths if not any(regenerate.ROOT.glob(path.rstrip("/")))] == []
