"""`unichat doctor`."""

from __future__ import annotations

import os
import socket

import pytest

from tests.cli.conftest import SECONDS
from tests.thorough import rows
from unichat.cli.vendor_checks import STAGES


def test_the_doctor_warns_of_an_address_that_is_not_the_vendor_s_own(run, write):
    write('[profiles.a]\nbackend = "kadal"\nbase_url = "https://proxy.example.org"\n')
    checks = run("doctor", "--json").json
    assert [check["detail"] for check in checks if check["outcome"] == "warning"] == [
        "requests go to https://proxy.example.org, which is not the vendor's own address"
    ]


def test_the_doctor_says_that_requests_stay_on_this_machine(run, profiles, box):
    (detail,) = [check["detail"] for check in run("doctor", "--json").json if check["name"] == "settings"]
    assert detail == (
        f"complete, including the secrets; requests go to {box.settings('kapa')['base_url']}, "
        "which is not the vendor's own address"
    )


def outcomes(result):
    return {check["name"]: check["outcome"] for check in result.json}


@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_a_valid_profile_passes_every_check(run, profiles, profile):
    result = run("doctor", "--profile", profile, "--json")
    assert result.code == 0
    assert outcomes(result) == dict.fromkeys(("urllib3", "config", "settings", "reachability", "auth", "ids"), "ok")


def details(result):
    return {check["name"]: check["detail"] for check in result.json}


def test_the_doctor_says_where_no_key_is_needed(run, profiles, monkeypatch):
    monkeypatch.setattr("unichat_kapa.adapter.KapaAdapter.credential", None)
    monkeypatch.setattr("unichat_kapa.adapter.KapaAdapter.probes", lambda self: ())
    result = run("doctor", "--json")
    assert result.code == 0
    assert details(result)["auth"] == "kapa needs no key"
    # Nothing was sent, so nothing was shown.
    assert outcomes(result)["reachability"] == outcomes(result)["ids"] == "skipped"


def test_the_doctor_says_what_was_good(run, profiles, box):
    shown = details(run("doctor", "--json"))
    assert shown["reachability"] == f"{box.settings('kapa')['base_url']} answers"
    assert shown["auth"] == "accepted; the answer without the key is HTTP 401"
    assert shown["ids"] == "accepted: project_id"


NOTHING_SHOWN = {
    "the same 404 for every path": (b'{"detail": "Not found."}', "404 Not Found", "not shown: ", "failed"),
    "the same refusal of the request": (b'{"id": ["Unknown."]}', "400 Bad Request", "not shown: ", "failed"),
    "the same teapot": (b'{"detail": "No coffee."}', "418 I'm a teapot", "not shown: ", "failed"),
    "the same project without looking at the key": (
        b'{"id": "x", "project_name": "p", "team_name": "t"}',
        "200 OK",
        "not shown: the answer without the key is as good",
        "ok",
    ),
    "a 404 of a server without such a path": (b"<html>", "404 Not Found", "", "skipped"),
    "a page instead of an answer": (b"<html>", "200 OK", "", "skipped"),
    "a failure of the vendor": (b"{}", "500 Internal Server Error", "", "skipped"),
    "too many requests": (b"{}", "429 Too Many Requests", "", "skipped"),
}


@pytest.mark.parametrize("answer", NOTHING_SHOWN)
def test_an_answer_that_shows_nothing_of_the_key_is_not_an_accepted_key(run, vendor, answer):
    body, status, detail, ids = NOTHING_SHOWN[answer]
    server = vendor(body, status=status, kind="text/html" if body.startswith(b"<") else "application/json")
    result = run("doctor", "--json")
    assert outcomes(result)["auth"] == "skipped"
    assert details(result)["auth"].startswith(detail)
    assert outcomes(result)["ids"] == ids
    assert server.base_url in details(result)["reachability"]
    assert result.code == (0 if status.startswith("200") and ids == "ok" else 1)


@pytest.mark.parametrize("profile", ["kapa", "kadal"])
def test_a_wrong_key_and_a_wrong_path_are_not_an_accepted_key(run, write, box, profile):
    settings = {**box.settings(profile)}
    settings["base_url"] += "/somewhere/else"
    settings["api_key" if profile == "kapa" else "token"] = "wrong"
    settings.pop("rating_ids", None)
    write(f'[profiles.a]\nbackend = "{profile}"\n' + "".join(f'{name} = "{v}"\n' for name, v in settings.items()))
    result = run("doctor", "--json")
    assert result.code == 1
    assert outcomes(result)["auth"] == "skipped"
    assert settings["base_url"] in details(result)["reachability"]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_vendor_that_refuses_every_key_has_not_accepted_one(run, vendor, status):
    vendor(b'{"detail": "No."}', status=status)
    result = run("doctor", "--json")
    assert [outcomes(result)[name] for name in STAGES] == ["ok", "failed", "skipped"]


def test_an_id_that_cannot_be_sent_is_the_ids_mistake_and_nothing_else_is_shown(run, profiles, monkeypatch):
    from unichat.errors import InvalidInput

    def probes(self):
        raise InvalidInput("the id cannot be used in a path")

    monkeypatch.setattr("unichat_kapa.adapter.KapaAdapter.probes", probes)
    result = run("doctor", "--json")
    assert result.code == 1
    assert [outcomes(result)[name] for name in STAGES] == ["skipped", "skipped", "failed"]


def test_all_profiles_are_checked_and_named(run, box, write):
    write(box.config_toml("kapa") + '[profiles.other]\nbackend = "kapa"\nattemps = 1\n')
    result = run("doctor", "--all", "--json")
    assert result.code == 1
    by_profile = {}
    for check in result.json:
        by_profile.setdefault(check["profile"], {})[check["name"]] = check["outcome"]
    assert list(by_profile) == [None, "kadal", "kapa", "other"]
    assert by_profile["kadal"] == dict.fromkeys(("config", "settings", *STAGES), "ok")
    assert by_profile["kapa"]["auth"] == "ok"
    assert (by_profile["other"]["settings"], by_profile["other"]["auth"]) == ("failed", "skipped")


def test_all_profiles_of_a_file_that_has_a_mistake_of_its_own(run, box, write):
    write('defalt = "kapa"\n' + box.config_toml("kapa"))
    result = run("doctor", "--all", "--json")
    assert result.code == 1
    assert [(each["profile"], each["name"]) for each in result.json if each["outcome"] == "failed"] == [
        (None, "config")
    ]
    assert sum(each["name"] == "auth" and each["outcome"] == "ok" for each in result.json) == 2


def test_all_profiles_without_a_file_say_what_one_profile_says(run):
    assert [each["detail"] for each in run("doctor", "--all", "--json").json] == [
        each["detail"] for each in run("doctor", "--json").json
    ]


def test_one_profile_and_all_of_them_cannot_be_asked_for_at_once(run, profiles):
    assert run("doctor", "--all", "--profile", "kapa").code == 2


@pytest.mark.skipif(os.name != "posix", reason="a shell of another system has no <(…)")
@pytest.mark.parametrize("arguments", rows(["doctor --all"], thorough=["doctor", "profiles", "ask What?", "history"]))
def test_a_config_that_can_be_read_only_once_is_read_once(process, box, arguments):
    """As `--config <(…)` gives it: a second reading finds nothing."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as file:
        file.write(box.config_toml("kapa"))
    child = process(*arguments.split(), "--config", f"/dev/fd/{reading}", pass_fds=[reading])
    os.close(reading)
    out, err = child.communicate(timeout=SECONDS)
    assert child.returncode == 0, out + err


def test_the_doctor_prints_what_it_checked(run, profiles):
    result = run("doctor")
    assert (result.code, result.err) == (0, "")
    assert f"{profiles}, profile kapa, backend kapa" in result.out
    assert "complete, including the secrets" in result.out


def test_a_missing_config_is_the_first_thing_to_fix(run):
    result = run("doctor", "--json")
    assert result.code == 1
    assert outcomes(result)["config"] == "failed"
    assert {outcomes(result)[name] for name in ("settings", "reachability", "auth", "ids")} == {"skipped"}
    assert "no config file was found" in next(check["detail"] for check in result.json if check["name"] == "config")


def test_every_mistake_in_the_settings_is_a_line_of_its_own(run, write):
    write('[profiles.support]\nbackend = "kapa"\napi_key = {env = "NOT_SET"}\nattemps = 1\n')
    result = run("doctor", "--json")
    assert result.code == 1
    failed = [check["detail"] for check in result.json if check["outcome"] == "failed"]
    assert len(failed) == 3
    assert any("NOT_SET is not set" in detail for detail in failed)
    assert any("'attempts'" in detail for detail in failed)
    assert any("project_id is missing" in detail for detail in failed)
    assert outcomes(result)["config"] == "ok"
    assert outcomes(result)["reachability"] == "skipped"


def test_an_unknown_backend_is_a_mistake_in_the_settings(run, write):
    write('[profiles.support]\nbackend = "kpaa"\n')
    result = run("doctor")
    assert result.code == 1
    assert "profile support, backend unknown" in result.out
    assert "'kapa'" in result.out


def test_a_secret_that_others_can_read_is_a_warning(run, profiles):
    profiles.chmod(0o644)
    result = run("doctor", "--json")
    assert result.code == 0
    assert [check["outcome"] for check in result.json if check["name"] == "settings"] == ["ok", "warning"]


def test_an_unreachable_vendor_is_distinguished_from_one_that_refuses(run, write, box):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    kapa = box.settings("kapa")
    line = f'project_id = "{kapa["project_id"]}"\nattempts = 1\n'

    def run_doctor(base_url, key, settings=line):
        write(f'[profiles.support]\nbackend = "kapa"\nbase_url = "{base_url}"\napi_key = "{key}"\n{settings}')
        result = run("doctor", "--json")
        assert result.code == 1
        assert [check["detail"] for check in result.json if check["outcome"] == "failed"] != [""]
        return [outcomes(result)[name] for name in ("reachability", "auth", "ids")]

    assert run_doctor(address, "x") == ["failed", "skipped", "skipped"]
    assert run_doctor(kapa["base_url"], "wrong") == ["ok", "failed", "skipped"]
    other = 'project_id = "00000000-0000-4000-8000-000000000000"\nattempts = 1\n'
    assert run_doctor(kapa["base_url"], kapa["api_key"], other) == ["ok", "ok", "failed"]


@pytest.mark.parametrize(
    ("version", "outcome"), [("1.26.20", "warning"), ("2.7.9", "warning"), ("2.8.0", "ok"), ("3.0.0rc1", "ok")]
)
def test_an_old_urllib3_is_a_warning_that_says_how_to_get_a_newer_one(run, profiles, monkeypatch, version, outcome):
    monkeypatch.setattr("urllib3.__version__", version)
    result = run("doctor", "--json")
    assert result.code == 0
    check = next(check for check in result.json if check["name"] == "urllib3")
    assert check["outcome"] == outcome
    assert version in check["detail"]
    assert ("pip install --upgrade 'urllib3>=2.8.0'" in check["detail"]) is (outcome == "warning")
