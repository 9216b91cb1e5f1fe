import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.canned import try_call
from unichat._text import decoding
from unichat._text.decoding import decode_json, excerpt
from unichat._text.printable import escape_controls
from unichat.errors import InvalidResponse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@pytest.fixture(autouse=True, scope="module", params=["orjson", "the standard library"])
def decoder(request):
    """Every test here holds for both decoders."""
    if request.param == "orjson":
        pytest.importorskip("orjson")
        yield
        return
    kept, decoding._orjson = decoding._orjson, None
    yield
    decoding._orjson = kept


def refusal(body):
    with pytest.raises(InvalidResponse) as caught:
        decode_json(body)
    return caught.value


@given(VALUES, st.booleans(), st.booleans())
def test_valid_json_decodes_as_the_standard_library_does(value, ascii_only, marked):
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert decode_json((b"\xef\xbb\xbf" if marked else b"") + body) == json.loads(body)


@given(st.binary())
def test_any_bytes_give_a_value_or_an_invalid_response(body):
    _, error = try_call(lambda: decode_json(body), InvalidResponse)
    assert error is None or error.kind in ("json", "encoding")
    assert escape_controls(str(error)) == str(error)


@given(st.text(alphabet='{}[]",:\\u0d8e1-+.NaInfity ', max_size=40))
def test_text_that_looks_like_json_gives_a_value_or_an_invalid_response(text):
    value, error = try_call(lambda: decode_json(text.encode()), InvalidResponse)
    if error is None:
        assert value == json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"[1,]", b"{'a': 1}", b"NaN", b"[Infinity]", b"-Infinity", b"1 2", b"[" * 100_000, b"9" * 5000],
    ids=lambda body: ascii(body[:12]),
)
def test_a_body_that_is_not_json_is_refused_as_such(body):
    error = refusal(body)
    assert error.kind == "json"
    assert len(error.excerpt) <= 200


@pytest.mark.parametrize("body", [b'"\xff"', '"é"'.encode("latin-1"), '"a"'.encode("utf-16"), b'"\xed\xa0\x80"'])
def test_a_body_that_is_not_utf8_is_refused_and_never_guessed(body):
    assert refusal(body).kind == "encoding"


@pytest.mark.parametrize("body", [rb'"\ud800"', rb'["a", {"\udfff": 1}]'])
def test_a_lone_surrogate_is_refused_here_and_does_not_crash_the_storage(body):
    assert refusal(body).kind == "encoding"


def test_a_pair_of_surrogates_is_one_character():
    assert decode_json(rb'"\ud83d\ude00"') == "\U0001f600"


def test_json_within_a_json_string_stays_text():
    assert decode_json(b'"{}"') == "{}"


def test_the_error_keeps_neither_the_original_nor_the_body():
    error = refusal(b'{"token": "sesame"' + b" " * 900 + b'"secret-tail"')
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "secret-tail" not in repr(vars(error))


def test_an_excerpt_is_printable_and_short():
    assert excerpt(b"<html>\r\n\x1b[2J\xff" + b"x" * 900).startswith("<html> \\x1b[2J\ufffdx")
    assert len(excerpt(b"x" * 900)) == 200


@pytest.mark.parametrize("digits", range(17, 22))
@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_stays_one_however_many_bits_it_takes(sign, digits):
    for digit in "19":
        number = sign + digit * digits
        value = decode_json(f'{{"id": {number}}}'.encode())["id"]
        assert (type(value), value) == (int, int(number))


def test_a_number_too_large_for_a_float_is_read_as_the_standard_library_does():
    assert math.isinf(decode_json(b"1e999"))


def nest(depth, text=""):
    return b"[" * (depth - 1) + json.dumps({"key": text}).encode() + b"]" * (depth - 1)


@pytest.mark.parametrize("text", ["", "[" * 300, "]" * 300, '"[{' * 300, "\\[" * 300])
def test_a_hundred_levels_are_read_and_no_more_whatever_brackets_are_in_strings(text):
    value = decode_json(nest(100, text))
    assert json.dumps(value).encode() == nest(100, text)
    assert "nested too deeply" in str(refusal(nest(101, text)))
    assert decode_json(json.dumps([{"a": [text]}] * 300).encode()) == [{"a": [text]}] * 300


@given(st.recursive(st.text(alphabet='[]{}"\\a'), lambda inner: st.lists(inner, max_size=3), max_leaves=30))
def test_no_text_makes_a_value_look_deep(value):
    body = json.dumps({"padding": "x" * 300, "value": value}).encode()
    assert decode_json(body)["value"] == value


NUMBERS = st.integers(-(10**25), 10**25).map(str) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
ODD_NUMBERS = st.sampled_from(["-0", "-0.0", "1e400", "-1e400", "1E5", "9223372036854775808", "18446744073709551616"])


@given(
    NUMBERS
    | ODD_NUMBERS
    | st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
)
def test_every_number_is_read_as_the_standard_library_reads_it(number):
    value, wanted = decode_json(f"[{number}]".encode())[0], json.loads(number)
    assert (type(value), repr(value)) == (type(wanted), repr(wanted))
