"""Writes the tables that the documentation takes from the code: `python tests/docs/regenerate.py`.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`; a test compares each with what is made here.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from attrs import NOTHING, fields

from unichat import adapter, errors
from unichat.adapter import Backend, Capabilities, CommonSettings, PolicySettings, Replay, Secret
from unichat.cli.conversation import COMMANDS
from unichat.cli.failures import EXIT_CODES
from unichat.config import registry, resolve
from unichat.config.setting_types import is_function, is_sequence, union_members
from unichat.config.validation import setting_attributes
from unichat.policy.backoff import Backoff, longest_wait
from unichat.policy.failures import RULES, Retry
from unichat.routing.settings import ROUTE_KEYS, ROUTES
from unichat.sandbox import Library, Store
from unichat.sandbox.sandbox import installed_simulators
from unichat.testing import FAULTS

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_PLACE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def rewrite(text: str) -> str:
    """Return a page with all its tables made anew."""

    def make(place: re.Match[str]) -> str:
        return f"{place[1]}\n{TABLES[place[2]]()}\n\n{place[3]}"

    return _PLACE.sub(make, text)


def names(text: str) -> list[str]:
    """Return the names of a page's tables."""
    return [name for _, name, _ in _PLACE.findall(text)]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def _describe(kind: type[Any]) -> dict[str, str]:
    """Return what a class's docstring says of each of its attributes."""
    section = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.split(r"^(?=[a-z_]+(?:, [a-z_]+)*:)", textwrap.dedent(section), flags=re.MULTILINE)
    pairs = [(name, " ".join(text.split())) for name, _, text in (entry.partition(":") for entry in entries if entry)]
    return {each: text for names, text in pairs for each in names.split(", ")}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _first_sentence(documented: object) -> str:
    paragraph = (inspect.getdoc(documented) or "").partition("\n\n")[0]
    return re.split(r"(?<=[.!?])\s", " ".join(paragraph.split()))[0]


@cache
def capabilities() -> str:
    """Return what each backend can do, with those of its settings that change it."""
    backends = [registry.find(name) for name in registry.names()]
    about = _describe(Capabilities)
    rows = [
        (f"`{item.name}`", _sentence(about[item.name]), *(_capability(backend, item.name) for backend in backends))
        for item in fields(Capabilities)
    ]
    return _table(("Capability", "Meaning", *(backend.title for backend in backends)), rows)


def _capability(backend: Backend[Any], name: str) -> str:
    usual = getattr(_capabilities(backend), name)
    text = _show(usual)
    for item in setting_attributes(backend.settings):
        for option in get_args(item.type) if get_origin(item.type) is Literal else ():
            other = getattr(_capabilities(backend, **{item.name: option}), name)
            if other != usual:
                change = _show(_find_added(usual, other)) if isinstance(usual, dict) else _show(other)
                text += f"; {change} with `{item.name} = {_toml(option)}`"
    return text


_find = cache(registry.find)


def _capabilities(backend: Backend[Any], **settings: Any) -> Capabilities:
    given = {**_simulate(backend.name)[0], **settings}
    return backend.build(resolve(backend.name, settings=given, environ={}, find=_find).settings).capabilities


@cache
def _simulate(name: str) -> tuple[dict[str, Any], type[Any]]:
    """Return the settings that reach a backend's simulator, good ones therefore, and the class of its quirks."""
    (kind,) = (each for each in installed_simulators() if each.name == name)
    with closing(Library(())) as library, closing(Store()) as store:
        simulator: Any = kind(store, library, "http://127.0.0.1:1")
        return simulator.settings(), type(simulator.quirks)


def _find_added(usual: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in other.items() if value != usual.get(name)}


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        calls = (f"`{call}`: {', '.join(f'`{name}`' for name in names)}" for call, names in value.items() if names)
        return "; ".join(calls) or "none"
    return "no stated limit" if value is None else f"{value:,}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def settings(kind: type[Any]) -> str:
    """Return a settings class's own settings."""
    common = {item.name: item for item in setting_attributes(CommonSettings)}
    rows = []
    for item in setting_attributes(kind):
        if kind is not CommonSettings and item.name in common and item.default == common[item.name].default:
            continue
        variable = item.metadata["env"]
        rows.append(
            (
                f"`{item.name}`",
                " or ".join(_kind(member) for member in union_members(item.type)),
                _default(item.default),
                f"`{variable}`" if variable else "",
                item.metadata["help"],
            )
        )
    return _table(("Setting", "Type", "Default", "Environment", "Meaning"), rows)


def route_keys() -> str:
    """Return the keys of routes besides those that name the members, with the kinds of routes that each belongs to."""
    rows = {}
    for kind in ROUTES.values():
        for item in setting_attributes(kind):
            types = " or ".join(_kind(member) for member in union_members(item.type))
            kinds = ", ".join(f"`{each}`" for each in ROUTE_KEYS[item.name])
            rows[item.name] = (f"`{item.name}`", kinds, types, _default(item.default), item.metadata["help"])
    return _table(("Key", "Of", "Type", "Default", "Meaning"), rows.values())


def _kind(kind: Any) -> str:
    if is_sequence(kind):
        return f"list of {_kind(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return " or ".join(f"`{_toml(option)}`" for option in get_args(kind))
    if is_function(kind):
        return "a function (keyword only)"
    plain = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Secret: "secret"}
    return plain.get(kind, "table of whole numbers")


def _default(value: object) -> str:
    if value is NOTHING:
        return "must be given"
    return f"`{_toml(value)}`" if value not in (None, "") else "none"


def failures() -> str:
    """Return the failure table."""
    words = {Retry.YES: "yes", Retry.NO: "no", Retry.AMBIGUOUS: "no*"}
    delivered = {True: "yes", False: "no", None: "by phase"}
    classes = (Replay.ASK, Replay.INSERT, Replay.UPSERT, Replay.READ, Replay.CLEAR)
    rows = [
        (
            row.title,
            *(words[row.retry[replay]] for replay in classes),
            delivered[row.delivered],
            f"`{row.error.__name__}`",
            row.backoff.name.lower() if Retry.YES in row.retry.values() else "",
        )
        for row in RULES
    ]
    heads = ("Failure", *(each.name for each in classes), "Maybe delivered", "Error raised", "Backoff")
    return _table(heads, rows)


def waits() -> str:
    """Return the waits of each kind of backoff."""
    uses = {
        Backoff.SERVER: "connection failures, 408, 425, and 5xx except 507",
        Backoff.THROTTLED: "429",
        Backoff.TOKENS: "507",
        Backoff.AT_ONCE: "a rejected token that can be refreshed (once)",
    }
    defaults = PolicySettings()
    rows = [
        (
            backoff.name.lower(),
            uses[backoff],
            f"{longest_wait(defaults, backoff, 1):g} s",
            f"{longest_wait(defaults, backoff, 1000):g} s",
        )
        for backoff in Backoff
    ]
    return _table(("Backoff", "Used after", "First wait, at most", "Longest wait"), rows)


def error_tree() -> str:
    """Return the classes of errors, each below the one that it derives from."""

    def below(kind: type[Any], depth: int) -> Iterable[str]:
        yield f"{'  ' * depth}- `{kind.__name__}`: {_first_sentence(kind)}"
        for child in kind.__subclasses__():
            if child.__module__ == errors.__name__:
                yield from below(child, depth + 1)

    return "\n".join(below(errors.UnichatError, 0))


def error_fields() -> str:
    """Return the fields of the errors."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    rows = [
        (f"`{kind.__name__}`", f"`{name}`", _sentence(text)) for kind in kinds for name, text in _describe(kind).items()
    ]
    return _table(("Error", "Field", "Meaning"), rows)


def operations(backend: str) -> str:
    """Return a backend's operations."""
    rows = []
    for endpoint in registry.find(backend).endpoints:
        parameters = [f"`{each.name}`" for each in endpoint.parameters]
        rows.append(
            (
                f"`{endpoint.name}`",
                f"`{endpoint.method} {endpoint.path}`",
                endpoint.replay.name + (", streamed" if endpoint.streamed else ""),
                ", ".join(parameters),
                endpoint.reference,
            )
        )
    return _table(("Operation", "Method and path", "Replay", "Parameters", "Heading in the reference"), rows)


def operation_functions() -> str:
    """Return a section for each backend with the functions of its operations."""
    sections = []
    for backend in map(registry.find, registry.names()):
        # The package, where a chapter of the reference has a module of its own.
        (module,) = {re.sub(r"\.operations\..*", ".operations", each.function.__module__) for each in backend.endpoints}
        sections.append(
            f"## Functions of {backend.title}'s operations\n\n```{{eval-rst}}\n.. automodule:: {module}\n```"
        )
    return "\n\n".join(sections)


def adapter_names() -> str:
    """Return what `unichat.adapter` exports, each name with the first sentence of its docstring."""
    return _table(("Name", "What it is"), [(f"`{name}`", _sentence(_summary(name))) for name in adapter.__all__])


def _summary(name: str) -> str:
    value = getattr(adapter, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return _first_sentence(value)
    # The docstring of an alias is a string below its assignment.
    for path in sorted(Path(inspect.getfile(adapter)).parent.glob("*.py")):
        said = _read_docstrings(ast.parse(path.read_text(encoding="utf-8")).body)
        if name in said:
            return said[name].partition("; ")[0]
    raise LookupError(f"{name} has no docstring")


def _read_docstrings(body: list[ast.stmt]) -> dict[str, str]:
    """Return the strings that stand below assignments, by the name that is assigned."""
    said = {}
    for node, after in pairwise(body):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            if isinstance(node, ast.AnnAssign):
                said[ast.unparse(node.target)] = " ".join(str(after.value.value).split())
            elif isinstance(node, ast.Assign):
                said[ast.unparse(node.targets[0])] = " ".join(str(after.value.value).split())
    return said


def quirks(kind: type[Any]) -> str:
    """Return a simulator's quirks, with the docstrings that stand below them."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(kind)).body if isinstance(node, ast.ClassDef))
    said = _read_docstrings(body)
    rows = [(f"`{item.name}`", f"`{item.default!r}`", _without_sections(said[item.name])) for item in fields(kind)]
    return _table(("Quirk", "Default", "Meaning"), rows)


def _without_sections(text: str) -> str:
    """Return a quirk's docstring without the section numbers of notes that are not part of the documentation."""
    text = re.sub(r"\b9, no\. (\d+)", r"point \1 of Kadal's open points", text)
    text = re.sub(r" \(\d(\.\d)?(, [^:)]*)?\)", "", text)
    return _sentence(re.sub(r"\(\d(\.\d)?: ", "(", text))


def rooms() -> str:
    """Return the rooms of the core, from the contract that import-linter checks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    rows = [
        (
            "<br>".join(f"`{name}`" for name in floor.split(" : ")),
            "<br>".join(_first_sentence(import_module(f"unichat.{name}")) for name in floor.split(" : ")),
        )
        for floor in contract["layers"]
    ]
    return _table(("Room", "Subject"), rows)


def mutants() -> str:
    """Return the broken simulators, and what catches each."""
    found = _import_from_checkout("tests.contract.mutants").MUTANTS
    remembering = _import_from_checkout("tests.contract.state_mutants").STATE_MUTANTS
    rows = [(registry.find(each.backend).title, each.name, each.judge) for each in (*found, *remembering)]
    return _table(("Vendor", "What it does wrong", "What catches it"), rows)


def mutation_scores() -> str:
    """Return how many mutants of each measured module its tests notice, and how many are explained."""
    found = _import_from_checkout("bench.mutation.scores")
    scores = found.compute_scores()
    named = {**{f"`{name}`": each for name, each in scores.items()}, "all of these": sum(scores.values(), found.NONE)}
    rows = [
        (name, f"{each.mutants}", f"{each.noticed}", f"{each.explained}", f"{int(each.share * 100)}%")
        for name, each in named.items()
    ]
    return _table(("Module", "Mutants", "Noticed", "Explained", "Share"), rows)


def unproxied() -> str:
    """Return the tests of behaviour that `--proxy` leaves out by their marker, and why."""
    rows = [
        (name, _sentence(ast.literal_eval(mark.args[0])))
        for module in sorted((ROOT / "tests" / "behaviour").glob("test_*.py"))
        for statement in ast.parse(module.read_text(encoding="utf-8")).body
        for name, mark in _list_marks(statement, module.name)
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.unproxied"
    ]
    return _table(("Test", "Why"), rows)


def _list_marks(statement: ast.stmt, module: str) -> list[tuple[str, ast.expr]]:
    """Return the markers that a statement gives to a test, or to all tests of its module."""
    if isinstance(statement, ast.FunctionDef):
        return [(f"`{statement.name}`", mark) for mark in statement.decorator_list]
    if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
        return [(f"all of `{module}`", statement.value)]
    return []


def framework_differences() -> str:
    """Return where the simulators differ from the vendors' frameworks, and why."""
    found = _import_from_checkout("bench.judges.frameworks.explained").EXPLAINED
    rows = [
        (
            " and ".join(registry.find(name).title for name in each.backends),
            each.name,
            each.framework,
            each.simulator,
            each.why,
        )
        for each in found
    ]
    return _table(("Vendor", "What is sent", "The framework", "The simulator", "Why"), rows)


def exit_codes() -> str:
    """Return the exit codes of the command line."""
    return _table(("Code", "Meaning"), [(f"`{code}`", meaning) for code, meaning in EXIT_CODES.items()])


def chat_commands() -> str:
    """Return the commands of `unichat chat`."""
    return _table(("Command", "Meaning"), [(f"`{name}`", meaning) for name, meaning in COMMANDS.items()])


def _backend_tables(name: str) -> dict[str, Callable[[], str]]:
    """Return the tables that each backend has, so that nothing here names one."""
    return {
        f"settings-{name}": lambda: settings(registry.find(name).settings),
        f"operations-{name}": lambda: operations(name),
        f"quirks-{name}": lambda: quirks(_simulate(name)[1]),
    }


def list_faults() -> str:
    """Every fault that `unichat.testing` knows by name."""
    rows = ((f"`{fault.name}`", _sentence(fault.wire), "yes" if fault.serve else "no") for fault in FAULTS.values())
    return _table(("Name", "On the wire", "Fault server"), rows)


def faults() -> str:
    """Every row of the fault bench, in a directive: too many to be quoted as an answer."""
    return f"```{{container}} faults\n\n{_import_from_checkout('tests.faults.table').as_markdown()}\n```"


def _import_from_checkout(name: str) -> Any:
    # Late, and wherever this is run from.
    sys.path.insert(0, str(ROOT))
    try:
        return import_module(name)
    finally:
        sys.path.pop(0)


def _benchmark(name: str) -> Callable[[], str]:
    return lambda: _import_from_checkout("bench.costs.page").table(name)


_BENCHMARKS = (
    "targets", "machine", "chat", "async-chat", "stream", "history", "concurrent", "turns", "routes", "imports",
    "starts", "ends", "pieces",
)  # fmt: skip

BACKEND_TABLES = {name: _backend_tables(name) for name in registry.names()}

TABLES: dict[str, Callable[[], str]] = {
    "capabilities": capabilities,
    "settings-common": lambda: settings(CommonSettings),
    "route-keys": route_keys,
    "failures": failures,
    "waits": waits,
    "error-tree": error_tree,
    "error-fields": error_fields,
    "operation-functions": operation_functions,
    "adapter-names": adapter_names,
    "adapter-imports": lambda: _import_from_checkout("tests.architecture.import_rules").table(),
    "decisions": lambda: _import_from_checkout("tests.scaffold.decisions").table(),
    "rooms": rooms,
    "exit-codes": exit_codes,
    "chat-commands": chat_commands,
    "faults": faults,
    "mutation-scores": mutation_scores,
    "framework-differences": framework_differences,
    "unproxied": unproxied,
    "mutants": mutants,
    "named-faults": list_faults,
    **{name: table for tables in BACKEND_TABLES.values() for name, table in tables.items()},
    **{f"benchmark-{name}": _benchmark(name) for name in _BENCHMARKS},
}


if __name__ == "__main__":
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = rewrite(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"rewritten: {page.relative_to(ROOT)}")
