"""Which certificate authorities are trusted, and that clients share what was read of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import certifi
import pytest

from unichat.errors import ConfigError
from unichat.transport.tls import authorities, context_for


@pytest.fixture(autouse=True)
def _no_authorities(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bundle(tmp_path):
    file = tmp_path / "authorities.pem"
    shutil.copy(Path(__file__).parents[1] / "loopback.pem", file)
    return file


def test_authorities_are_the_settings_before_the_environments_in_order(monkeypatch):
    assert authorities(None) is None
    monkeypatch.setenv("CURL_CA_BUNDLE", "of-curl")
    assert authorities(None) == "of-curl"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "of-requests")
    assert authorities(None) == "of-requests"
    assert authorities("of-the-setting") == "of-the-setting"


def test_context_for_no_setting_trusts_certifis_authorities():
    assert context_for(None) is context_for(certifi.where())


def test_context_for_one_file_is_shared_until_the_file_changes(bundle):
    first = context_for(str(bundle))
    assert context_for(str(bundle)) is first
    os.utime(bundle, ns=(1, bundle.stat().st_mtime_ns + 1_000_000_000))
    assert context_for(str(bundle)) is not first


def test_context_for_a_folder_is_one(tmp_path):
    assert context_for(str(tmp_path)).verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_context_for_authorities_that_cannot_be_read_raises_config_error(tmp_path, content):
    path = tmp_path / "missing.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        context_for(str(path))
    assert caught.value.key == "ca_bundle"
    assert caught.value.__context__ is None
