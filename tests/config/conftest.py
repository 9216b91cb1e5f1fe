"""What the tests of the config share: both backends without their packages' registration, and an empty environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from unichat.adapter import Backend
from unichat.config import ResolvedConfig, resolve
from unichat.errors import ConfigError
from unichat_kadal.settings import KadalSettings
from unichat_kapa.settings import KapaSettings

Resolve = Callable[..., ResolvedConfig]
Refuse = Callable[..., ConfigError]
Write = Callable[..., Path]

UUID = "11111111-2222-3333-4444-555555555555"
KAPA = {"api_key": "sentinel", "project_id": UUID}
PROFILE = f'[profiles.support]\nbackend = "kapa"\nproject_id = "{UUID}"\napi_key = {{env = "KEY"}}\n'
ENV = {"KEY": "sentinel"}
GOOD = f'backend = "kapa"\napi_key = "k"\nproject_id = "{UUID}"\n'
"""The lines of a profile."""


def _forbid_building(*_: object) -> Any:
    raise AssertionError("the config builds no adapter")


def backend(name: str, settings: type[Any], identity: str) -> Backend[Any]:
    return Backend(
        name=name,
        title=name.title(),
        settings=settings,
        build=_forbid_building,
        endpoints={},  # type: ignore[arg-type]
        identity=identity,
    )


BACKENDS = {
    "kadal": backend("kadal", KadalSettings, "chat_bot_id"),
    "kapa": backend("kapa", KapaSettings, "project_id"),
}


def find(name: str) -> Backend[Any]:
    if name in BACKENDS:
        return BACKENDS[name]
    nearest = "kapa" if name.startswith("ka") else None
    raise ConfigError(
        f"there is no adapter '{name}'",
        key="backend",
        accepted=tuple(BACKENDS),
        nearest=nearest,
        hint="Installed: kadal, kapa.",
    )


def names() -> tuple[str, ...]:
    return tuple(BACKENDS)


@pytest.fixture(scope="session")
def finders() -> dict[str, Any]:
    return {"find": find, "names": names}


@pytest.fixture(scope="session")
def make_backend() -> Callable[..., Backend[Any]]:
    return backend


@pytest.fixture(scope="session")
def resolve_config() -> Callable[..., ResolvedConfig]:
    """`resolve` with both backends, and nothing in the environment unless a test says so."""
    return partial(resolve, find=find, names=names, environ={})


@pytest.fixture(scope="session")
def resolution_error(resolve_config: Callable[..., ResolvedConfig]) -> Callable[..., ConfigError]:
    """The error of a `resolve` that must fail."""

    def call(*args: Any, **kwargs: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            resolve_config(*args, **kwargs)
        return caught.value

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a config file that only its owner can read."""

    def call(text: str, name: str = "unichat.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return call


@pytest.fixture(scope="session", autouse=True)
def user_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty config folder of the user's, independent of the one who runs the tests."""
    folder = tmp_path_factory.mktemp("xdg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        yield folder / "unichat"
