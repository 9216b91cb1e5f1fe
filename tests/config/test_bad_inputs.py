"""The bad inputs that a config can hold: each refused before anything is sent, saying what, where, and what to do."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from unichat.config import ResolvedConfig, load
from unichat.errors import ConfigError

Refuse = Callable[..., ConfigError]

UUID = "11111111-2222-3333-4444-555555555555"
GOOD = {"api_key": "sentinel", "project_id": UUID}
ADDRESS = "base_url"


def env(name: str) -> dict[str, str]:
    return {"env": name}


@pytest.mark.parametrize(
    ("settings", "key", "says"),
    [
        pytest.param({"api_key": ""}, "api_key", "is empty", id="48 token empty"),
        pytest.param({"api_key": "sentinel\n"}, "api_key", "leading or trailing whitespace", id="49 newline around it"),
        pytest.param({"api_key": "sent\ninel"}, "api_key", "characters that cannot", id="49 newline inside"),
        pytest.param({"api_key": " sentinel"}, "api_key", "leading or trailing whitespace", id="50 blanks around it"),
        pytest.param({"api_key": "sentinél"}, "api_key", "characters that cannot", id="51 not ASCII"),
        pytest.param({ADDRESS: "api.kapa.ai"}, ADDRESS, "should begin with https://", id="52 without scheme"),
        pytest.param({ADDRESS: "htp://api.kapa.ai"}, ADDRESS, "should begin with https://", id="53 wrong scheme"),
        pytest.param({ADDRESS: "https://me:sentinel@x.com"}, ADDRESS, "user name or password", id="54 userinfo"),
        pytest.param({ADDRESS: "https://x.com/?a=b"}, ADDRESS, "query or fragment", id="55 query"),
        pytest.param({ADDRESS: "https://x.com/#a"}, ADDRESS, "query or fragment", id="55 fragment"),
        pytest.param({ADDRESS: "http://x.com"}, ADDRESS, "in the clear", id="56 http to elsewhere"),
        pytest.param({ADDRESS: "https://x.com:99999"}, ADDRESS, "is not a valid URL", id="57 port"),
        *(
            pytest.param({name: value}, name, "should be a", id=f"{number} {name} {value!r}")
            for number, name in ((58, "connect_timeout"), (60, "deadline"))
            for value in (0, -1, float("nan"), float("inf"), "5", True, 10**400)
        ),
        *(
            pytest.param({"attempts": value}, "attempts", "should be a whole number", id=f"59 attempts {value!r}")
            for value in (0, -1, 1.5, True, "3")
        ),
        pytest.param({"api_keys": "sentinel"}, "api_keys", "did you mean 'api_key'?", id="63 unknown key"),
        pytest.param({"API-KEY": "sentinel"}, "API-KEY", "did you mean 'api_key'?", id="63 unknown key, other case"),
        *(
            pytest.param({"verify": value}, "verify", "ca_bundle", id=f"63 verify={value!r}")
            for value in (False, "", 0, None)
        ),
        *(
            pytest.param({"ca_bundle": value}, "ca_bundle", "should be", id=f"ca_bundle={value!r}")
            for value in (False, "", 0)
        ),
        pytest.param({"api_key": {"file": "no"}}, "api_key", "does not exist", id="64 file missing"),
        pytest.param({"api_key": {"file": "empty"}}, "api_key", "is empty", id="64 file empty"),
        pytest.param({"api_key": {"file": "."}}, "api_key", "is a folder", id="64 a folder"),
        pytest.param({"api_key": env("NOT_SET")}, "api_key", "NOT_SET is not set", id="65 variable not set"),
    ],
)
def test_an_invalid_setting_is_refused_as_a_keyword_and_in_a_profile(
    resolution_error: Refuse, tmp_path: Path, settings: dict[str, Any], key: str, says: str
) -> None:
    (tmp_path / "empty").touch()
    error = resolution_error("kapa", settings={**GOOD, **settings}, cwd=tmp_path)
    assert (error.key, error.backend) == (key, "kapa")
    assert says in str(error)
    assert "sentinel" not in str(error)
    assert len(error.problems) == 1


def test_61_a_token_beside_a_client_account_is_refused(resolution_error: Refuse) -> None:
    settings = {"chat_bot_id": "b", "token": "sentinel", "client_id": "c", "client_secret": "sentinel"}
    assert "token and client_id/client_secret were both given" in str(resolution_error("kadal", settings=settings))


def test_66_an_unknown_adapter_names_the_nearest(resolution_error: Refuse) -> None:
    error = resolution_error("kappa", settings=GOOD)
    assert (error.key, error.nearest, error.accepted) == ("backend", "kapa", ("kadal", "kapa"))


def test_67_a_profile_that_names_itself_is_refused(resolution_error: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "unichat.toml"
    path.write_text(f'[profiles.a]\nurl = "kapa://{UUID}"\nprofile = "a"\napi_key = {{env = "KEY"}}\n')
    error = resolution_error(config=path, environ={"KEY": "k"})
    assert (error.key, error.path) == ("profile", str(path))
    assert "there is no setting 'profile' (a profile cannot name another, or itself)" in str(error)


# No secret gets out

SECRET = "sentinel-5f2c"


def calls(tmp_path: Path) -> list[dict[str, Any]]:
    """Calls that fail, each with the secret in one of the places where it can be."""
    path = tmp_path / "unichat.toml"
    path.write_text(f'[profiles.a]\nbackend = "kapa"\napi_key = "{SECRET}"\nattempts = 0\n')
    (tmp_path / "url.toml").write_text(f'[profiles.a]\nurl = "kapa://x?api_key={SECRET}"\n')
    (tmp_path / "broken.toml").write_text(f'[profiles.a]\napi_key = "{SECRET}"\nx =\n')
    (tmp_path / "key").write_text(SECRET)
    return [
        {"target": "kapa", "settings": {"api_key": SECRET}},
        {"target": "kapa", "settings": {"api_key": f"{SECRET}\n"}},
        {"target": "kapa", "settings": {"api_key": [SECRET]}},
        {"target": "kapa", "settings": {"api_kee": SECRET}},
        {"target": "kapa", "settings": {"api_key": {"file": "key"}}},
        {"target": "kapa", "settings": {"api_key": {"env": SECRET}}},
        {"target": "kapa", "settings": {"api_key": {SECRET: "x"}[SECRET] and {"env": "K"}}, "environ": {"K": SECRET}},
        {"target": f"kapa://x?api_key={SECRET}&attempts=0"},
        {"target": f"kapa://{SECRET}@x?api_key={SECRET}"},
        {"target": f"kapa://x?api_key={quote(SECRET)}&api_key={SECRET}"},
        {"target": f"kapa:{SECRET}"},
        {"target": f"kapa://x y?api_key={SECRET}"},
        {"target": "kapa", "environ": {"KAPA_API_KEY": SECRET}},
        {"target": "kapa", "environ": {"KAPA_API_KEY": f" {SECRET}"}},
        {"config": path},
        {"config": tmp_path / "url.toml"},
        {"config": tmp_path / "broken.toml"},
    ]


@pytest.mark.parametrize("number", range(17))
def test_no_error_shows_a_secret_anywhere(
    resolve_config: Callable[..., ResolvedConfig], tmp_path: Path, number: int
) -> None:
    arguments = calls(tmp_path)[number]
    try:
        resolve_config(cwd=tmp_path, **arguments)
    except ConfigError as error:
        caught = error
    assert caught.__cause__ is None
    assert caught.__context__ is None
    assert caught.__traceback__ is not None
    # This test's own frame holds the secret, so the frames below it are looked at.
    below = caught.__traceback__.tb_next
    frames = traceback.TracebackException(type(caught), caught, below, capture_locals=True)
    copies = (caught, copy.copy(caught), pickle.loads(pickle.dumps(caught)))
    shown = ["".join(frames.format()), *(f"{item} {item!r} {vars(item)}" for item in copies)]
    assert all(SECRET not in text for text in shown)
    assert SECRET.encode() not in pickle.dumps(caught)


def test_loading_a_file_shows_none_of_its_secrets(tmp_path: Path) -> None:
    path = tmp_path / "unichat.toml"
    for text in (f'[profiles.a]\nkey = "{SECRET}"\n[b]\n', f'[profiles.a]\nkey = "{SECRET}"\nx=\n'):
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(path, environ={"KAPA_API_KEY": SECRET})
        assert caught.tb.tb_next is not None
        frames = traceback.TracebackException(ConfigError, caught.value, caught.tb.tb_next, capture_locals=True)
        assert SECRET not in "".join(frames.format())
