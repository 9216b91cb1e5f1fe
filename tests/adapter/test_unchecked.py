"""Operations with arguments that the checks would refuse."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unichat.adapter import Replay, StreamOperation
from unichat.adapter.unchecked import add_fields
from unichat.errors import InvalidInput
from unichat_kadal import operations as kadal
from unichat_kapa import operations as kapa

ID = "00000000-0000-4000-8000-000000000000"
ENDPOINTS = [*kapa.endpoints, *kadal.endpoints]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.backend}-{each.name}")
@settings(max_examples=30)
@given(data=st.data())
def test_unchecked_builds_a_request_of_any_values_for_the_same_endpoint(endpoint, data):
    names = [each.name for each in endpoint.parameters if not each.name.endswith("_encoding")]
    values = data.draw(
        st.dictionaries(st.sampled_from([*names, "extra"]), JSON.filter(lambda each: each not in (".", "..")))
    )
    operation = endpoint.unchecked(**values)
    assert (operation.name, operation.replay) == (endpoint.name, endpoint.replay)
    assert operation.request.method == endpoint.method
    assert operation.request.path.count("/") == endpoint.path.count("/")
    assert isinstance(operation, StreamOperation) is endpoint.streamed
    if "extra" in values:
        assert has_argument("extra", values["extra"], operation.request)


def has_argument(name, value, request):
    if request.method == "POST":
        return json.loads(request.body)[name] == value
    return value == [] or name in dict(request.query)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.backend}-{each.name}")
def test_unchecked_without_arguments_leaves_all_out(endpoint):
    request = endpoint.unchecked().request
    assert request.query == ()
    assert request.body in (None, b"{}")


def test_unchecked_sends_null_where_the_vendor_has_null_and_nothing_where_nothing_is_given():
    operation = kapa.endpoints["chat"].unchecked(project_id=ID, query=None, user=None)
    assert operation.request.body == b'{"query":null,"user":null}'
    assert kadal.endpoints["post_chat"].unchecked(chat_bot_id="b").request.body == b"{}"


def test_unchecked_with_good_arguments_is_the_checked_operation():
    arguments = {"project_id": ID, "query": "What?", "user": {"email": "a@example.com"}}
    assert kapa.endpoints["chat"].unchecked(**arguments).request == kapa.chat(**arguments).request


def test_unchecked_leaves_the_checks_of_every_other_operation_alone():
    kapa.endpoints["chat"].unchecked(project_id="x", query="")
    with pytest.raises(InvalidInput, match="project_id is 'x'"):
        kapa.chat(project_id="x", query="What?")


@pytest.mark.parametrize("value", [".", ".."])
def test_unchecked_does_not_leave_the_endpoint(value):
    with pytest.raises(InvalidInput, match="cannot be used in a path"):
        kapa.endpoints["retrieve_thread"].unchecked(id=value)


def test_a_parameter_of_unichats_own_stays_checked():
    with pytest.raises(InvalidInput, match="message_encoding is 'x'"):
        kadal.endpoints["post_chat"].unchecked(chat_bot_id="b", message="Hi", message_encoding="x")


def test_fields_are_added_to_a_form():
    from unichat.adapter import EndpointContext

    context = EndpointContext("x", "token", "POST", "/token", Replay.READ, lambda reply: None)
    operation = context.operation(lambda reply: reply, form={"a": "1"})
    assert add_fields(operation.request, {"b": ["2", "3"]}).body == b"a=1&b=2&b=3"
