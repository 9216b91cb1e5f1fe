"""How the requests of one client are signed, and which headers are refused."""

from __future__ import annotations

import pytest

from unichat.adapter import Credential, Operation, Replay, Request, Secret, Token
from unichat.adapter.secrets import Signature
from unichat.errors import InvalidInput
from unichat.execution.signing import Signing, sign_by

KEY = Credential("X-Key", "", Secret("first-key"))
TOKEN = Credential("Authorization", "Bearer", Secret("second-key"))
REQUEST = Request("GET", "/x")


def make_signing(credentials):
    return Signing(credentials, lambda: 0.0)


def make_credential(header="X-Key"):
    return Credential(header, "", lambda: "a token")


def test_signing_without_a_credential_signs_nothing():
    made = make_signing(None)
    assert (made.parts, made.fixed, made.renewable) == ((), (), False)


def test_signing_with_fixed_secrets_knows_all_signatures_at_once():
    made = make_signing((KEY, TOKEN))
    assert made.fixed == (Signature("X-Key", "first-key"), Signature("Authorization", "second-key", "Bearer"))
    assert not made.renewable


@pytest.mark.parametrize(
    "credentials", [make_credential(), (KEY, make_credential("X-Other")), (KEY, lambda request: {})]
)
def test_signing_with_a_part_that_may_change_has_no_fixed_signatures(credentials):
    assert make_signing(credentials).fixed is None


def test_signing_is_renewable_only_where_a_source_may_return_another_secret():
    assert make_signing((KEY, make_credential("X-Other"))).renewable
    assert not make_signing((KEY, lambda request: {})).renewable


@pytest.mark.parametrize("credentials", ["a key", 5, (KEY, "a key")])
def test_signing_with_what_is_not_a_credential_raises_type_error_with_its_type_alone(credentials):
    with pytest.raises(TypeError, match=r"a credential is a Credential or a function, not (str|int)") as caught:
        make_signing(credentials)
    assert "a key" not in str(caught.value)


def test_signing_with_one_header_twice_raises_whatever_its_case():
    with pytest.raises(ValueError, match="two credentials have the same header"):
        make_signing((KEY, Credential("x-kEY", "", Secret("another-key"))))


def test_pace_key_is_shared_by_clients_with_one_credential_and_address():
    key = make_signing(KEY).pace_key("https://a", (Secret("ignored-1"),))
    assert key == make_signing(KEY).pace_key("https://a", (Secret("ignored-2"),))
    assert key != make_signing(KEY).pace_key("https://b", ())
    assert key != make_signing(TOKEN).pace_key("https://a", ())


def test_pace_key_of_a_function_depends_on_the_secrets_of_the_settings():
    made = make_signing(lambda request: {})
    assert made.pace_key("https://a", (Secret("one-key"),)) == made.pace_key("https://a", (Secret("one-key"),))
    assert made.pace_key("https://a", (Secret("one-key"),)) != made.pace_key("https://a", (Secret("two-key"),))


@pytest.mark.parametrize("name", ["X-Key", "x-key", "X-Signature"])
def test_check_request_with_a_header_of_the_credentials_raises_value_error(name):
    request = Request("GET", "/x", headers=((name, "1"),))
    with pytest.raises(ValueError, match=f"the header {name} is the credential's"):
        make_signing(KEY).check_request(request, (Signature("x-signature", "value"),))


def fetch(tokens, text):
    """Fetch a token, without a vendor."""
    flow = tokens.fetch(None)
    for step in (None, None):
        flow.send(step)
    with pytest.raises(StopIteration):
        flow.send(Token(Secret(text), None))


def test_forget_drops_the_fetched_token_that_was_refused_and_no_other():
    source = Operation(backend="echo", name="token", replay=Replay.READ, request=REQUEST, detect_error=str, parse=str)
    made = make_signing((lambda request: {}, *(Credential(name, "", source) for name in ("X-First", "X-Second"))))
    _, first, second = made.parts
    fetch(first, "token-1")
    fetch(second, "token-2")
    made.forget(
        (Signature("X-Signed", "by-the-function"), Signature("X-Second", "token-2"), Signature("X-First", "old"))
    )
    assert first.cached_secret() == Secret("token-1")
    assert second.cached_secret() is None


def test_check_request_with_other_headers_passes():
    make_signing(KEY).check_request(
        Request("GET", "/x", headers=(("X-Trace", "1"),)), (Signature("X-Key", "first-key"),)
    )


def test_sign_by_returns_a_signature_for_each_header_whether_text_or_secret():
    signatures = sign_by(lambda request: {"X-Method": request.method, "X-Mac": Secret("secret-mac")}, REQUEST)
    assert [(each.header, each.value) for each in signatures] == [("X-Method", "GET"), ("X-Mac", "secret-mac")]


@pytest.mark.parametrize("value", ["", " padded", "line\nbreak", "ümlaut", "bell\a"])
def test_sign_by_with_a_value_that_cannot_be_sent_raises_without_showing_it(value):
    with pytest.raises(ValueError, match="the header X-Mac cannot be sent") as caught:
        sign_by(lambda request: {"X-Mac": value}, REQUEST)
    assert str(caught.value) == "the header X-Mac cannot be sent"


@pytest.mark.parametrize("value", [None, 5, b"bytes"])
def test_sign_by_with_a_value_that_is_not_text_raises_type_error(value):
    with pytest.raises(TypeError, match="not text or a Secret"):
        sign_by(lambda request: {"X-Mac": value}, REQUEST)


@pytest.mark.parametrize("name", ["", "two words", "Content-Length"])
def test_sign_by_with_a_name_that_no_adapter_may_set_raises(name):
    with pytest.raises((ValueError, InvalidInput)):
        sign_by(lambda request: {name: "value"}, REQUEST)
