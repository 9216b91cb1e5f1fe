"""What an adapter's modules may import: a whitelist, read from the source, so that nothing need be installed or run.

Every module of an adapter is held by it, whatever the file is called. Only `from … import …` takes anything from
unichat: the names can then be compared with what unichat exports, and no attribute leads to the rest of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
ADAPTERS = ROOT / "adapters"

PURE = frozenset({
    "__future__", "abc", "ast", "base64", "binascii", "bisect", "calendar", "collections", "contextlib", "copy",
    "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "hmac",
    "html", "inspect", "itertools", "json", "keyword", "math", "numbers", "operator", "random", "re", "reprlib",
    "secrets", "statistics", "string", "struct", "textwrap", "types", "typing", "unicodedata", "urllib.parse",
    "uuid", "warnings", "zlib", "zoneinfo",
})  # fmt: skip
"""The parts of the standard library that compute and do nothing else; a package stands for its modules too."""
RESTRICTED: Mapping[str, frozenset[str]] = {
    "threading": frozenset({"Lock", "RLock"}),
    "time": frozenset({"monotonic", "time", "time_ns"}),
}
"""Modules of which only some names are pure enough: a lock and a clock, but neither a thread nor a sleep."""
LIBRARIES = frozenset({"attr", "attrs", "cattr", "cattrs"})
UNICHAT = frozenset({"unichat.adapter", "unichat.errors", "unichat.models"})

SIMULATOR_LIBRARIES = frozenset({"starlette"})
SIMULATOR_UNICHAT = frozenset({"unichat.sandbox"})
SIMULATOR_RESTRICTED: Mapping[str, frozenset[str]] = {
    "asyncio": frozenset({"sleep"}),
    "sqlite3": frozenset({"Row"}),
}
"""What a simulator may import besides: it answers over ASGI, waits between records, and reads rows of its store."""
BUILTINS = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"})
"""Built-in functions that do I/O, or import what this check cannot see."""


@frozen(order=True)
class Violation:
    """One import, or use of a built-in function, that the whitelist does not allow."""

    path: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}"


@frozen
class Module:
    """One file of an adapter.

    Attributes:
        name: dotted, as it is imported.
        is_package: whether it is an `__init__.py`, which relative imports start from.
    """

    path: Path
    name: str
    is_package: bool

    @property
    def adapter(self) -> str:
        """The package, or the module, that the adapter consists of."""
        return self.name.partition(".")[0]

    @property
    def is_simulator(self) -> bool:
        """Whether it belongs to the adapter's simulator, which is allowed more."""
        first, *rest = self.name.split(".")
        return first.endswith("_simulator") or rest[:1] == ["simulator"]

    def absolute(self, target: str | None, level: int) -> str:
        """Return the dotted name of what a `from` with `level` dots leads to."""
        if not level:
            return target or ""
        parts = self.name.split(".")
        base = parts[: len(parts) - level + self.is_package]
        return ".".join([*base, *filter(None, [target])]) or "<beyond the adapter>"


def adapter_packages(folder: Path = ADAPTERS) -> tuple[str, ...]:
    """Return the names of the adapters' packages: whatever in the folder has an `__init__.py`."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/__init__.py")))


def modules(package: Path) -> Iterator[Module]:
    """Yield the modules of a package, or the one module that is in a single file."""
    paths = [package] if package.is_file() else sorted(package.rglob("*.py"))
    for path in paths:
        parts = path.relative_to(package.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        yield Module(path, ".".join(parts[:-1] if is_package else parts), is_package)


def violations(package: Path) -> list[Violation]:
    """Return what the modules of an adapter's package may not import."""
    return [found for module in modules(package) for found in _violations(module)]


def _violations(module: Module) -> Iterator[Violation]:
    tree = ast.parse(module.path.read_text(encoding="utf-8"), str(module.path))
    for node in ast.walk(tree):
        for problem in _problems(module, node):
            yield Violation(module.path.name, getattr(node, "lineno", 0), problem)


def _problems(module: Module, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if problem := _module_problem(module, alias):
                yield problem
    elif isinstance(node, ast.ImportFrom):
        source = module.absolute(node.module, node.level)
        for alias in node.names:
            if problem := _name_problem(module, source, alias.name):
                yield problem
    elif isinstance(node, ast.Name) and node.id in BUILTINS:
        yield f"uses {node.id}"
    elif isinstance(node, ast.Attribute) and node.attr in ("__import__", "import_module"):
        yield f"imports by {node.attr}, which cannot be checked"


def _module_problem(module: Module, alias: ast.alias) -> str:
    name = alias.name
    # `import urllib.parse` binds `urllib`, through which all that somebody else imported can be reached.
    bound = name if alias.asname else name.partition(".")[0]
    if name.partition(".")[0] == module.adapter:
        return _own_problem(module, name)
    if bound in PURE or _is_below(bound, LIBRARIES | (SIMULATOR_LIBRARIES if module.is_simulator else frozenset())):
        return ""
    if _is_below(bound, {"unichat"}):
        return f"imports {name}; take names from unichat.adapter, unichat.models or unichat.errors"
    names = _restricted_names(module).get(name)
    return f"imports {name}; only {', '.join(sorted(names))} may be imported from it" if names else f"imports {name}"


def _name_problem(module: Module, source: str, name: str) -> str:
    if source.partition(".")[0] == module.adapter:
        return _own_problem(module, f"{source}.{name}")
    allowed = LIBRARIES | (SIMULATOR_LIBRARIES if module.is_simulator else frozenset())
    if _is_below(source, PURE | allowed) or f"{source}.{name}" in PURE:
        return ""
    if source in UNICHAT or (module.is_simulator and source in SIMULATOR_UNICHAT):
        return "" if name in exported_names(source) else f"imports {name}, which {source} does not export"
    names = _restricted_names(module).get(source, frozenset())
    return "" if name in names else f"imports {name} from {source}"


def _own_problem(module: Module, name: str) -> str:
    is_simulator = _is_below(name, {f"{module.adapter}.simulator"})
    if is_simulator and not module.is_simulator:
        return f"imports {name}: the simulator, which needs an extra"
    return ""


def _restricted_names(module: Module) -> Mapping[str, frozenset[str]]:
    return {**RESTRICTED, **SIMULATOR_RESTRICTED} if module.is_simulator else RESTRICTED


def _is_below(name: str, allowed: frozenset[str] | set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def exported_names(module: str) -> frozenset[str]:
    """Return the names that a module of unichat offers: its `__all__`, or else the public names that it defines."""
    path = ROOT / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found = [target.id for target in targets if isinstance(target, ast.Name)]
        if "__all__" in found:
            return frozenset(ast.literal_eval(node.value))  # type: ignore[attr-defined]
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.append(node.name)
        names.update(found)
    return frozenset(name for name in names if not name.startswith("_"))


def core_imports(names: frozenset[str], package: Path = ROOT / "unichat") -> list[Violation]:
    """Return where unichat itself imports any of the packages `names`."""
    found = []
    for module in modules(package):
        for node in ast.walk(ast.parse(module.path.read_text(encoding="utf-8"))):
            sources = []
            if isinstance(node, ast.Import):
                sources = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                sources = [module.absolute(node.module, node.level)]
            found += [
                Violation(str(module.path.relative_to(package.parent)), node.lineno, f"imports {source}")
                for source in sources
                if source.partition(".")[0] in names
            ]
    return found


def table() -> str:
    """Return what an adapter may import, as the table of docs/adding-an-adapter.md."""

    def list_names(names: Iterable[str], restricted: Mapping[str, frozenset[str]]) -> str:
        parts = [f"`{name}`" for name in sorted(names)]
        parts += [
            f"from `{name}` only {' and '.join(f'`{each}`' for each in sorted(restricted[name]))}"
            for name in sorted(restricted)
        ]
        return ", ".join(parts)

    rows = (
        ("of unichat", list_names(UNICHAT, {}), list_names(SIMULATOR_UNICHAT, {})),
        ("libraries", list_names(LIBRARIES - {"attr", "cattr"}, {}), list_names(SIMULATOR_LIBRARIES, {})),
        ("of the standard library", list_names(PURE, RESTRICTED), list_names((), SIMULATOR_RESTRICTED)),
    )
    lines = [("", "Every module of an adapter", "Its simulator besides"), ("---",) * 3, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
