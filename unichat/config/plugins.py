"""The packages that add adapters and simulators: by entry points, or by their names where there is no metadata.

Entry points stand in the metadata of installed packages. Programs that are frozen or zipped, and a checkout that is not
installed, have the packages without it. There, a package is found by its name: the adapter `acme` is `backend` in
`unichat_acme`, and its simulator is `AcmeSimulator` in `unichat_acme.simulator`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Else imported when it is used, since it costs as much as the rest of the config.
    from importlib.metadata import EntryPoint

ADAPTERS = "unichat.adapters"
SIMULATORS = "unichat.simulators"
_DISTRIBUTION = "unichat-bridge"
_PREFIX = "unichat_"
_BUILT_IN = ("kadal", "kapa")
"""The adapters that this distribution has itself: not everything that can import modules can also list them."""

_found: dict[tuple[str, str, tuple[str, ...]], EntryPoint] = {}
"""The plugins found so far by group, name and `sys.path`: to read the metadata of all packages takes 4 ms a client."""


def list_plugins(group: str) -> dict[str, EntryPoint]:
    """Return the plugins of a group (`ADAPTERS` or `SIMULATORS`) by name, the first of each. None is imported."""
    found = _read_entry_points(group)
    if not found or not _has_metadata():
        for name in _package_names():
            point = _entry_point(group, name)
            if _is_importable(point.module):
                found.setdefault(name, point)
    return found


def find_plugin(group: str, name: str) -> EntryPoint | None:
    """Return the plugin of a group with this name, or None. It may have been installed after the process started."""
    key = (group, name, tuple(sys.path))
    found = _found.get(key) or _read_entry_points(group).get(name)
    if found is not None:
        _found[key] = found
    if found is None and name.isidentifier() and _is_importable(_PREFIX + name):
        return _entry_point(group, name)
    return found


def class_prefix(name: str) -> str:
    """Return what the names of an adapter's classes begin with: `AcmeBot` for `acme_bot`."""
    return name.title().replace("_", "")


def _read_entry_points(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, point)
    return found


def _has_metadata() -> bool:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution(_DISTRIBUTION)
    except PackageNotFoundError:
        return False
    return True


def _package_names() -> list[str]:
    from pkgutil import iter_modules

    listed = [each.name for each in iter_modules() if each.ispkg and each.name.startswith(_PREFIX)]
    return sorted({*_BUILT_IN, *(package.removeprefix(_PREFIX) for package in listed)})


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        # What would hold it is not a package, or has been replaced by something without a specification.
        return False


def _entry_point(group: str, name: str) -> EntryPoint:
    """Return what a package of this name registers by convention."""
    from importlib.metadata import EntryPoint

    if group == ADAPTERS:
        value = f"{_PREFIX}{name}:backend"
    else:
        value = f"{_PREFIX}{name}.simulator:{class_prefix(name)}Simulator"
    return EntryPoint(name, value, group)
