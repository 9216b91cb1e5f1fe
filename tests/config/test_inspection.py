"""What is said of a profile without its secrets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from unichat.adapter import Backend, CommonSettings, Secret
from unichat.adapter.settings import setting
from unichat.config import check_profile, load, profile_base_url


@frozen(kw_only=True)
class FromEnvironment(CommonSettings):
    """An own server, whose address the environment may name."""

    key: Secret = setting(help="The key.")
    base_url: str = setting(help="The server.", env="SERVER")


def test_the_vendor_s_own_url_is_not_another_however_it_is_written(
    write: Callable[..., Path], finders: dict[str, Any]
) -> None:
    for base_url in (
        "https://api.kadal.ai",
        "https://api.kadal.ai/",
        "HTTPS://API.KADAL.AI",
        "https://api.kadal.ai:443",
    ):
        file = load(write(f'[profiles.a]\nbackend = "kadal"\nbase_url = "{base_url}"\n'), environ={})
        assert profile_base_url(file, "a", environ={}, **finders) is None


@pytest.mark.parametrize(
    ("profile", "shown"),
    [
        ('backend = "kadal"\nbase_url = "https://other.example"', "https://other.example"),
        ('backend = "kadal"\nbase_url = "http://api.kadal.ai"', "http://api.kadal.ai"),
        ('backend = "kadal"\nbase_url = "https://api.kadal.ai:8443"', "https://api.kadal.ai:8443"),
        ('backend = "kadal"\nbase_url = "https://api.kadal.ai/v2"', "https://api.kadal.ai/v2"),
        ('backend = "kadal"\nbase_url = "https://other.example/?key=sentinel"', "https://other.example"),
        ('url = "kadal://bot?base_url=https://other.example"', "https://other.example"),
        ('url = "kadal://bot?base_url=https://other.example"\nbase_url = "https://api.kadal.ai"', None),
        # What is not shown: other settings, mistakes, and what cannot be told.
        ('backend = "kadal"', None),
        ('backend = "kadal"\nbase_url = "sentinel"', None),
        ('backend = "kadal"\nbase_url = "https://me:sentinel@other.example"', None),
        ('backend = "kadal"\nbase_url = 3', None),
        ('backend = "kadal"\nbase_url = {env = "sentinel"}', None),
        ('url = "kadal://bot?base_url=%zz"', None),
        ('backend = "unknown"\nbase_url = "https://other.example"', None),
        ('base_url = "https://other.example"', None),
    ],
)
def test_a_url_that_is_not_the_vendor_s_own_is_found(
    write: Callable[..., Path], finders: dict[str, Any], profile: str, shown: str | None
) -> None:
    path = write(f"[profiles.a]\n{profile}\n")
    assert profile_base_url(load(path, environ={}), "a", environ={}, **finders) == shown
    assert check_profile("a", config=path, environ={}, **finders).base_url == shown


def test_a_vendor_without_a_url_of_its_own_shows_every_one(
    write: Callable[..., Path], make_backend: Callable[..., Backend[Any]]
) -> None:
    own = make_backend("own", FromEnvironment, "key")
    finders = {"find": lambda _: own, "names": lambda: ("own",)}
    file = load(write('[profiles.a]\nbackend = "own"\n'), environ={})
    assert profile_base_url(file, "a", environ={}, **finders) is None
    assert profile_base_url(file, "a", environ={"SERVER": "https://here.example"}, **finders) == "https://here.example"
