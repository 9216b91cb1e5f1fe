import base64
import json
import re

import pytest
import requests

RETRIES = "How are retries configured?"
FOLLOW_UP = "And how do I change that?"
UNKNOWN = "What is the capital of France?"
TOKEN = "/auth/api/v1/oauth/connect/token"
NOBODY = "6a1f0c1e-5a47-4f7b-9d3e-0f2b7c9d8e11"


def locations(response):
    assert response.status_code == 422, response.text
    return {tuple(error["loc"]): error["type"] for error in response.json()["detail"]}


# Tokens


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic dXNlcjpw", "bearer "])
@pytest.mark.parametrize("status", [403, 401])
def test_a_request_without_a_bearer_token_is_refused_as_the_quirk_says(kadal, header, status):
    kadal.simulator.quirks.missing_token_status = status
    kadal.session.headers["Authorization"] = header
    response = kadal.list()
    assert response.status_code == status
    assert response.json() == {"detail": "Not authenticated"}
    assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("token", [b"wrong", "\xe9".encode("latin-1")])
def test_a_wrong_token_is_refused_as_the_quirk_says(kadal, status, token):
    kadal.simulator.quirks.wrong_token_status = status
    kadal.session.headers["Authorization"] = b"Bearer " + token
    response = kadal.list()
    assert response.status_code == status
    assert response.json() == {"detail": "Invalid authentication credentials"}


def test_the_scheme_may_be_written_in_any_case(kadal):
    kadal.session.headers["Authorization"] = kadal.session.headers["Authorization"].replace("Bearer", "bearer")
    assert kadal.list().status_code == 200


def fetch_token(kadal, **changes):
    fields = {"client_id": kadal.simulator.client_id, "client_secret": kadal.simulator.client_secret, **changes}
    return requests.post(kadal.simulator.base_url + TOKEN, data=fields, timeout=5)


def test_a_client_fetches_a_token_that_expires(new_kadal):
    now = [1_700_000_000.0]
    new_kadal.simulator.clock = lambda: now[0]
    response = fetch_token(new_kadal, grant_type="client_credentials", scopes="chat")
    assert response.status_code == 200
    given = response.json()
    assert set(given) == {
        *("access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type"),
        *("not-before-policy", "session_state", "scope"),
    }
    assert (given["expires_in"], given["token_type"], given["scope"]) == (300, "Bearer", "chat")
    claims = given["access_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "==="))["exp"] == now[0] + 300
    new_kadal.session.headers["Authorization"] = f"Bearer {given['access_token']}"
    now[0] += 299
    assert new_kadal.list().status_code == 200
    now[0] += 1
    assert new_kadal.list().status_code == 401
    new_kadal.simulator.quirks.token_lifetime = 5
    assert fetch_token(new_kadal).json()["expires_in"] == 5


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "x"}, 401),
        ({"client_secret": "x"}, 401),
        ({"grant_type": "password"}, 400),
        ({"realm": NOBODY}, 404),
        ({"realm": "x"}, 422),
    ],
)
def test_a_client_that_may_not_fetch_a_token_is_told_why(kadal, changes, status):
    response = fetch_token(kadal, **changes)
    assert response.status_code == status
    assert response.json()["detail"]


@pytest.mark.parametrize("encoding", ["form", "json", "query"])
def test_the_token_endpoint_takes_its_fields_where_the_quirk_says(kadal, encoding):
    kadal.simulator.quirks.token_encoding = encoding
    fields = {"client_id": kadal.simulator.client_id, "client_secret": kadal.simulator.client_secret}
    sent = {"form": {"data": fields}, "json": {"json": fields}, "query": {"params": fields}}
    for each, options in sent.items():
        response = kadal.send("POST", TOKEN, **options)
        assert response.status_code == (200 if each == encoding else 422)


# Routes


def test_health_needs_no_token_unless_the_quirk_says(kadal):
    url = kadal.simulator.base_url + "/aiwb/chat/api/v1/healthz"
    assert requests.get(url, timeout=5).json() == {"msg": "OK"}
    kadal.simulator.quirks.health_needs_token = True
    assert requests.get(url, timeout=5).status_code == 403
    assert kadal.send("GET", "v1/healthz").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "v1", "v1/"),
        ("GET", "v1/healthz/", "v1/healthz"),
        ("GET", "v1/some-bot/", "v1/some-bot"),
        ("POST", "v2/some-bot/?a=b", "v2/some-bot?a=b"),
        ("POST", "v1/clearhistory/some-bot/", "v1/clearhistory/some-bot"),
        ("POST", "v7", "v7/"),
    ],
)
def test_a_wrong_slash_is_redirected(kadal, method, path, right):
    response = kadal.send(method, path)
    assert response.status_code == 307
    assert response.headers["location"] == f"{kadal.simulator.base_url}/aiwb/chat/api/{right}"


def test_feedback_without_its_slash_falls_into_another_route(kadal):
    response = kadal.send("POST", "v1/feedbacks", json={})
    assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize("path", ["v3/some-bot", "v2/", "/", "v2/a/b"])
def test_an_unknown_route_is_the_frameworks_404(kadal, path):
    response = kadal.send("POST", path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "v2/x"), ("POST", "v1/healthz"), ("HEAD", "v1/healthz"), ("PUT", "v7/")]
)
def test_a_wrong_method_is_405(kadal, method, path):
    assert kadal.send(method, path).status_code == 405


# Sending


def test_a_message_is_answered_from_the_documents(kadal):
    answer = kadal.answer(RETRIES)
    assert set(answer) == {"status_code", "message_id", "message"}
    assert answer["status_code"] == 200
    assert isinstance(answer["message_id"], int)
    assert "option `attempts`" in answer["message"]
    assert f"{kadal.simulator.base_url}/docs/guide.md#retries" in answer["message"]


def test_the_old_endpoint_for_sending_gives_the_same_answers(kadal):
    response = kadal.send("GET", f"v1/{kadal.bot}", params={"query": RETRIES, "chat_bot_id": "ignored"})
    assert response.json()["message"] == kadal.answer(RETRIES)["message"]


def test_a_question_that_the_documents_do_not_answer_is_said_to_be_unknown(kadal):
    assert "I do not know" in kadal.answer(UNKNOWN)["message"]


def test_nothing_found_can_be_a_204(kadal):
    kadal.simulator.quirks.nothing_found = "http_204"
    response = kadal.ask(UNKNOWN)
    assert (response.status_code, response.content) == (204, b"")
    kadal.simulator.quirks.nothing_found = "body_204"
    response = kadal.ask(UNKNOWN)
    assert (response.status_code, response.json()) == (200, {"status_code": 204, "message": "Not Found"})
    assert "message_id" in kadal.answer(RETRIES)


@pytest.mark.parametrize("flag", ["true", "True", "TRUE", "1", "yes", "on", "t", "y"])
def test_a_follow_up_is_understood_only_if_the_last_chat_continues(kadal, flag):
    kadal.answer(RETRIES, continue_last_chat="false", ext_user_id_ref=flag)
    assert "`attempts`" in kadal.answer(FOLLOW_UP, continue_last_chat=flag, ext_user_id_ref=flag)["message"]
    assert "I do not know" in kadal.answer(FOLLOW_UP, continue_last_chat="no", ext_user_id_ref=flag)["message"]
    assert "I do not know" in kadal.answer(FOLLOW_UP, continue_last_chat=flag, ext_user_id_ref=flag)["message"]


def test_whether_a_chat_continues_by_itself_is_a_quirk(kadal):
    kadal.answer(RETRIES, ext_user_id_ref="quirk")
    assert "I do not know" in kadal.answer(FOLLOW_UP, ext_user_id_ref="quirk")["message"]
    kadal.answer(RETRIES, ext_user_id_ref="quirk")
    kadal.simulator.quirks.continue_last_chat = True
    assert "`attempts`" in kadal.answer(FOLLOW_UP, ext_user_id_ref="quirk")["message"]


def test_people_and_bots_have_conversations_of_their_own(new_kadal):
    new_kadal.answer(RETRIES, ext_user_id_ref="ann")
    other_bot = new_kadal.simulator.other_chat_bot_id
    for params in ({"ext_user_id_ref": "ben"}, {"ext_user_id_ref": "ann", "bot": other_bot}, {}):
        assert "I do not know" in new_kadal.answer(FOLLOW_UP, continue_last_chat="true", **params)["message"]
    assert "`attempts`" in new_kadal.answer(FOLLOW_UP, continue_last_chat="true", ext_user_id_ref="ann")["message"]


def test_without_a_reference_the_tokens_owner_asks(new_kadal):
    new_kadal.answer("x")
    new_kadal.answer("y", ext_user_id_ref="")
    rows = new_kadal.list().json()["data"]
    assert [(row["user_query"], row["created_by"]) for row in rows] == [("x", 1), ("y", 1)]


@pytest.mark.parametrize("bot", [NOBODY, "some-bot", "%00"])
def test_an_unknown_bot_is_404_in_the_envelope(kadal, bot):
    envelope = {"status_code": 404, "message": "Chat bot not found"}
    for response in (
        kadal.send("POST", f"v2/{bot}", json={"message": "x"}),
        kadal.send("GET", f"v1/{bot}", params={"query": "x"}),
        kadal.send("POST", f"v1/clearhistory/{bot}"),
        kadal.list(chat_bot_id=bot),
    ):
        assert (response.status_code, response.json()) == (404, envelope)
    assert kadal.list_v7(chat_bot_id=NOBODY).json() == envelope


def test_an_allowance_that_is_used_up_is_507_for_that_bot_only(new_kadal):
    before = new_kadal.simulator.tokens_left()
    new_kadal.answer(RETRIES)
    assert new_kadal.simulator.tokens_left() < before
    new_kadal.simulator.set_tokens_left(1)
    assert new_kadal.ask(RETRIES).status_code == 200
    for response in (new_kadal.ask(RETRIES), new_kadal.send("GET", f"v1/{new_kadal.bot}", params={"query": "x"})):
        assert response.status_code == 507
        assert response.json() == {"status_code": 507, "message": "Insufficient Token"}
    assert new_kadal.ask(RETRIES, bot=new_kadal.simulator.other_chat_bot_id).status_code == 200
    new_kadal.simulator.set_tokens_left(5, new_kadal.simulator.other_chat_bot_id)
    assert new_kadal.simulator.tokens_left(new_kadal.simulator.other_chat_bot_id) == 5
    assert new_kadal.questions() == [RETRIES, RETRIES]


def test_error_envelopes_can_come_under_http_200(kadal):
    kadal.simulator.quirks.errors_in_body = True
    response = kadal.send("POST", "v2/some-bot", json={"message": "x"})
    assert (response.status_code, response.json()["status_code"]) == (200, 404)
    kadal.simulator.set_tokens_left(0)
    assert kadal.ask("x").json() == {"status_code": 507, "message": "Insufficient Token"}
    kadal.simulator.set_tokens_left(10**12)
    assert kadal.send("POST", f"v2/{kadal.bot}").status_code == 422


def test_the_types_of_status_codes_and_ids_are_quirks(kadal):
    kadal.simulator.quirks.status_code_type = "str"
    kadal.simulator.quirks.id_type = "str"
    answer = kadal.answer(RETRIES)
    assert answer["status_code"] == "200"
    assert answer["message_id"].isdigit()
    assert kadal.list().json()["status_code"] == "200"
    assert isinstance(kadal.list().json()["data"][0]["bot_response_id"], str)
    assert isinstance(kadal.rate(answer["message_id"]).json()["bot_response_id"], str)
    assert kadal.send("POST", "v2/x", json={"message": "x"}).json()["status_code"] == "404"
    assert kadal.list_v7(created_by="nobody").json()["status_code"] == "200"
    assert kadal.list_v7({"created_by": "nobody"}).json()["status_code"] == "404"


def test_the_message_can_be_required_in_the_query(kadal):
    kadal.simulator.quirks.message_in = "query"
    assert locations(kadal.ask("x")) == {("query", "message"): "value_error.missing"}
    assert "`attempts`" in kadal.send("POST", f"v2/{kadal.bot}", params={"message": RETRIES}).json()["message"]


INVALID_SENDS = [
    (None, {("body",): "value_error.missing"}),
    (b"null", {("body",): "value_error.missing"}),
    (b"{}", {("body", "message"): "value_error.missing"}),
    (b'{"message": null}', {("body", "message"): "type_error.none.not_allowed"}),
    (b'{"message": []}', {("body", "message"): "type_error.str"}),
    (b'{"message": "\\u0000"}', {("body", "message"): "value_error"}),
    (b'{"message": "\\ud800"}', {("body", "message"): "value_error"}),
    (b'{"message": "x", "metadata": 7}', {("body", "metadata"): "type_error.dict"}),
    (b"[]", {("body", "message"): "value_error.missing"}),
    (b'"text"', {("body",): "type_error.dict"}),
    (b'{"message": ', {("body", 12): "value_error.jsondecode"}),
]


@pytest.mark.parametrize(("body", "expected"), INVALID_SENDS)
def test_an_invalid_send_is_422_in_pydantics_form(kadal, body, expected):
    response = kadal.send("POST", f"v2/{kadal.bot}", data=body, headers={"content-type": "application/json"})
    assert locations(response) == expected
    assert all({"type", "loc", "msg"} == set(error) - {"ctx"} for error in response.json()["detail"])


@pytest.mark.parametrize("body", [b'{"message": NaN}', b"\xff", b"[" * 100_000])
def test_a_body_that_cannot_be_parsed_at_all_is_400(kadal, body):
    response = kadal.send("POST", f"v2/{kadal.bot}", data=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()) == (400, {"detail": "There was an error parsing the body"})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_body_in_any_encoding_of_unicode_is_read(kadal, encoding):
    body = f'{{"message": "{RETRIES}"}}'.encode(encoding)
    response = kadal.send("POST", f"v2/{kadal.bot}", data=body, headers={"content-type": "application/json"})
    assert "`attempts`" in response.json()["message"]


def test_a_body_of_another_type_is_not_read_as_json(kadal):
    response = kadal.send("POST", f"v2/{kadal.bot}", data={"message": "x"})
    assert locations(response) == {("body",): "type_error.dict"}
    for kind in ("application/vnd.api+json", "application/json; charset=utf-8", None):
        headers = {"content-type": kind} if kind else {}
        assert kadal.send("POST", f"v2/{kadal.bot}", data=b'{"message": "x"}', headers=headers).status_code == 200


def test_errors_of_query_and_body_come_together(kadal):
    response = kadal.send("POST", f"v2/{kadal.bot}", params={"continue_last_chat": "maybe"}, json={})
    assert locations(response) == {
        ("query", "continue_last_chat"): "type_error.bool",
        ("body", "message"): "value_error.missing",
    }
    assert next(iter(locations(response)))[0] == "query"


def test_a_body_that_is_not_json_is_refused_before_the_token_is_checked(kadal):
    del kadal.session.headers["Authorization"]
    headers = {"content-type": "application/json"}
    assert kadal.send("POST", f"v2/{kadal.bot}", data=b"{", headers=headers).status_code == 422
    assert kadal.send("POST", f"v2/{kadal.bot}", data=b"{}", headers=headers).status_code == 403


def test_a_get_without_its_query_is_422(kadal):
    assert locations(kadal.send("GET", f"v1/{kadal.bot}")) == {("query", "query"): "value_error.missing"}


def test_an_empty_message_and_null_metadata_are_accepted(kadal):
    response = kadal.send("POST", f"v2/{kadal.bot}", json={"message": "", "metadata": None, "surprise": 1})
    assert response.status_code == 200


def test_references_can_be_required_to_be_uuids(kadal):
    kadal.simulator.quirks.refs_must_be_uuids = True
    assert locations(kadal.ask("x", ext_user_id_ref="ann")) == {("query", "ext_user_id_ref"): "type_error.uuid"}
    assert kadal.ask("x", ext_user_id_ref=NOBODY).status_code == 200


# History, v1


def test_a_row_of_the_history_is_as_in_the_reference(new_kadal):
    answer = new_kadal.answer(RETRIES, ext_user_id_ref="ann")
    listed = new_kadal.list(ext_user_id_ref="ann").json()
    assert listed == {
        "status_code": 200,
        "data": [
            {
                "chat_bot_id": new_kadal.bot,
                "user_query": RETRIES,
                "created_by": 2,
                "bot_response_id": answer["message_id"],
                "bot_response": answer["message"],
            }
        ],
        "total_skill_count": 1,
    }


@pytest.fixture
def three(new_kadal):
    """Kadal where ann asked three things."""
    for number in range(3):
        new_kadal.answer(f"question {number}", ext_user_id_ref="ann")
    return new_kadal


def test_pages_begin_at_1_and_go_in_either_order(three):
    def page(**params):
        return [question[-1] for question in three.questions(ext_user_id_ref="ann", **params)]

    assert page() == page(order="asc") == ["0", "1", "2"]
    assert page(order="desc") == ["2", "1", "0"]
    assert page(page_size=2) == ["0", "1"]
    assert page(page_size=2, page_no=2) == ["2"]
    three.simulator.quirks.default_order = "desc"
    assert page(page_size=1) == ["2"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"page_no": 0}, {("query", "page_no"): "value_error.number.not_ge"}),
        ({"page_no": "x"}, {("query", "page_no"): "type_error.integer"}),
        ({"page_size": "1.5"}, {("query", "page_size"): "type_error.integer"}),
        ({"page_size": "9" * 5000}, {("query", "page_size"): "type_error.integer"}),
        ({"page_no": "9" * 30}, {("query", "page_no"): "value_error.number.not_le"}),
        ({"order": "ASC"}, {("query", "order"): "type_error.enum"}),
        ({"order": ""}, {("query", "order"): "type_error.enum"}),
        (
            {"page_no": None, "page_size": None},
            {("query", "page_no"): "value_error.missing", ("query", "page_size"): "value_error.missing"},
        ),
        ({"chat_bot_id": None}, {("query", "chat_bot_id"): "value_error.missing"}),
    ],
)
def test_an_invalid_list_is_422(kadal, params, expected):
    assert locations(kadal.list(**params)) == expected


def test_numbers_are_accepted_in_every_form_that_pydantic_accepts(kadal):
    assert kadal.list(page_no=" +1 ", page_size="1_0").status_code == 200
    assert kadal.list(page_no=2**62, page_size=2**62).json()["data"] == []


def test_unknown_parameters_are_ignored(kadal):
    assert kadal.list(surprise=1).status_code == 200


def test_a_reference_that_nobody_used_has_no_rows(kadal):
    assert kadal.questions(ext_user_id_ref="nobody") == []


def test_a_page_past_the_end_is_what_the_quirk_says(three):
    def past():
        response = three.list(ext_user_id_ref="ann", page_no=2)
        return response.status_code, response.json()

    assert past() == (200, {"status_code": 200, "data": [], "total_skill_count": 3})
    three.simulator.quirks.past_the_end = "body_404"
    assert past() == (200, {"status_code": 404, "data": [], "total_skill_count": 3})
    three.simulator.quirks.past_the_end = "http_404"
    assert past() == (404, {"status_code": 404, "message": "Resource Not Found"})


def test_the_count_is_what_the_quirk_says(three):
    three.simulator.quirks.count_field = "total_count"
    listed = three.list(ext_user_id_ref="ann", page_size=1).json()
    assert (listed["total_count"], listed["message"]) == (3, "Success")
    three.simulator.quirks.count_field = "none"
    assert set(three.list().json()) == {"status_code", "data"}


def test_a_cap_on_pages_an_ignored_page_and_null_answers_are_quirks(three):
    three.simulator.quirks.page_size_cap = 2
    assert len(three.questions(ext_user_id_ref="ann")) == 2
    assert len(three.questions(ext_user_id_ref="ann", page_no=2)) == 1
    three.simulator.quirks.ignores_page_no = True
    assert three.questions(ext_user_id_ref="ann", page_no=9) == three.questions(ext_user_id_ref="ann")
    three.simulator.quirks.null_responses = True
    assert three.list(ext_user_id_ref="ann").json()["data"][0]["bot_response"] is None
    assert three.list_v7().json()["data"]["chat_hist"][0]["bot_response"] is None


def test_a_list_without_a_reference_shows_the_rows_that_the_quirk_says(three):
    assert three.questions() == []
    three.simulator.quirks.list_without_ref = "all"
    assert len(three.questions()) == 3
    assert three.questions(chat_bot_id=three.simulator.other_chat_bot_id) == []


# History, v7


def test_a_row_of_v7_has_times_and_a_verdict(new_kadal):
    body = {"message": RETRIES, "metadata": {"page": "/start", "category": "overwritten"}}
    answer = new_kadal.send("POST", f"v2/{new_kadal.bot}", params={"ext_user_id_ref": "ann"}, json=body).json()
    new_kadal.rate(answer["message_id"], is_positive=True)
    new_kadal.rate(answer["message_id"], is_positive=False)
    listed = new_kadal.list_v7().json()
    assert (listed["status_code"], listed["message"], listed["total_count"]) == (200, "Success", 1)
    assert listed["data"]["has_continuations"] is True
    (row,) = listed["data"]["chat_hist"]
    assert set(row) == {
        *("_id", "tenant_id", "user_id", "object_id", "user_query", "bot_response", "chat_bot_id", "user_type"),
        *("is_cleared", "creation_time", "response_time", "metadata", "is_positive", "query_response_id"),
        "chat_bot_name",
    }
    assert re.fullmatch("[0-9a-f]{24}", row["_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["creation_time"])
    assert (row["user_type"], row["is_cleared"], row["is_positive"]) == ("external", 0, False)
    assert row["metadata"] == {"page": "/start", "category": "chat"}
    assert row["query_response_id"] == str(answer["message_id"])
    assert row["chat_bot_name"] == "Sandbox bot"


def test_v7_lists_everybodys_rows_and_filters_them(three):
    three.answer(RETRIES)

    def list_questions(body=None, **params):
        return [row["user_query"] for row in three.list_v7(body, **params).json()["data"]["chat_hist"]]

    assert len(list_questions()) == 4
    assert list_questions({"text": "QUESTION 1"}) == ["question 1"]
    assert list_questions({"text": "attempts"}) == [RETRIES]
    owner = three.list_v7({"text": "attempts"}).json()["data"]["chat_hist"][0]
    assert owner["user_type"] == "internal"
    assert owner["is_positive"] is None
    assert list_questions({"created_by": owner["user_id"]}) == [RETRIES]
    assert list_questions({"created_by": "1"}) == [RETRIES]
    assert list_questions(page_size=3, page_no=2, order="asc") == [RETRIES]
    three.simulator.quirks.default_page_size = 2
    assert len(list_questions()) == 2


@pytest.mark.parametrize(("quirk", "status"), [("http_200", 200), ("http_404", 404)])
def test_an_empty_page_of_v7_says_404_in_its_body(kadal, quirk, status):
    kadal.simulator.quirks.v7_empty = quirk
    response = kadal.list_v7({"text": "nothing has this"})
    assert response.status_code == status
    assert response.json() == {
        "status_code": 404,
        "message": "No records found",
        "total_count": 0,
        "data": {"has_continuations": False, "chat_hist": []},
    }


def test_whether_v7_needs_a_body_is_a_quirk(kadal):
    params = {"chat_bot_id": kadal.bot}
    assert locations(kadal.send("POST", "v7/", params=params)) == {("body",): "value_error.missing"}
    kadal.simulator.quirks.v7_body_required = False
    assert kadal.send("POST", "v7/", params=params).status_code == 200


def test_an_invalid_v7_list_is_422(kadal):
    response = kadal.list_v7({"text": [1]}, chat_bot_id="x", page_no=0, order="down", exclude_tool_verbose="2")
    assert locations(response) == {
        ("query", "chat_bot_id"): "type_error.uuid",
        ("query", "page_no"): "value_error.number.not_ge",
        ("query", "order"): "type_error.enum",
        ("query", "exclude_tool_verbose"): "type_error.bool",
        ("body", "text"): "type_error.str",
    }


def test_event_rows_are_in_v7_unless_excluded(new_kadal):
    new_kadal.simulator.quirks.event_rows = True
    new_kadal.answer(RETRIES)
    rows = new_kadal.list_v7().json()["data"]["chat_hist"]
    assert [row["metadata"]["category"] for row in rows] == ["chat", "event"]
    assert len(new_kadal.list_v7(exclude_tool_verbose="true").json()["data"]["chat_hist"]) == 1
    assert new_kadal.questions() == [RETRIES]
    assert new_kadal.rate(2).status_code == 404
    assert "`attempts`" in new_kadal.answer(FOLLOW_UP, continue_last_chat="true")["message"]


# Clearing


def test_clearing_hides_one_persons_rows_and_ends_their_chat(kadal):
    for person in ("cleared", "kept"):
        kadal.answer(RETRIES, ext_user_id_ref=person)
    response = kadal.clear(ext_user_id_ref="cleared")
    assert response.json() == {"status_code": 200, "message": "Deleted previous conversations."}
    assert kadal.questions(ext_user_id_ref="cleared") == []
    assert kadal.questions(ext_user_id_ref="kept") == [RETRIES]
    assert "I do not know" in kadal.answer(FOLLOW_UP, continue_last_chat="true", ext_user_id_ref="cleared")["message"]


def test_clearing_one_bot_leaves_the_other(kadal):
    other = kadal.simulator.other_chat_bot_id
    kadal.answer(RETRIES, bot=other, ext_user_id_ref="both")
    kadal.clear(ext_user_id_ref="both")
    assert kadal.questions(chat_bot_id=other, ext_user_id_ref="both") == [RETRIES]


def test_cleared_rows_are_listed_if_the_quirk_says(new_kadal):
    answer = new_kadal.answer(RETRIES)
    new_kadal.clear()
    assert new_kadal.list_v7().json()["total_count"] == 0
    new_kadal.simulator.quirks.cleared_rows_listed = True
    assert new_kadal.questions() == [RETRIES]
    listed = new_kadal.list_v7().json()["data"]
    assert listed["chat_hist"][0]["is_cleared"] == 1
    assert listed["has_continuations"] is False
    assert new_kadal.rate(answer["message_id"]).status_code == 200


def test_clearing_can_ignore_the_reference(new_kadal):
    new_kadal.answer("the owner's")
    new_kadal.answer("ann's", ext_user_id_ref="ann")
    new_kadal.simulator.quirks.clear_scope = "owner"
    assert new_kadal.clear(ext_user_id_ref="ann").status_code == 200
    assert new_kadal.questions() == []
    assert new_kadal.questions(ext_user_id_ref="ann") == ["ann's"]


def test_clearing_nothing_is_200_or_404_as_the_quirk_says(kadal):
    assert kadal.clear(ext_user_id_ref="nobody").status_code == 200
    kadal.simulator.quirks.clear_nothing = "404"
    response = kadal.clear(ext_user_id_ref="nobody")
    assert (response.status_code, response.json()["status_code"]) == (404, 404)


# Feedback


def test_each_feedback_adds_a_row(kadal):
    number = kadal.answer(RETRIES)["message_id"]
    first = kadal.rate(number, comment="good")
    assert first.status_code == 200
    assert first.json() == {
        "id": first.json()["id"],
        "bot_response_id": number,
        "is_positive": True,
        "rating_id": 1,
        "comment": "good",
    }
    second = kadal.rate(float(number), is_positive="off", rating_id=" 2 ").json()
    assert second["id"] > first.json()["id"]
    assert (second["is_positive"], second["rating_id"], second["comment"]) == (False, 2, None)


@pytest.mark.parametrize("number", [0, -1, 10**6, 2**63 - 1])
def test_feedback_on_an_unknown_answer_is_404_in_the_envelope(kadal, number):
    response = kadal.rate(number)
    assert response.status_code == 404
    assert response.json() == {"status_code": 404, "message": "Bot response not found"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"bot_response_id": None}, {("body", "bot_response_id"): "type_error.none.not_allowed"}),
        ({"bot_response_id": 2**63}, {("body", "bot_response_id"): "value_error.number.not_le"}),
        ({"bot_response_id": -(2**63) - 1}, {("body", "bot_response_id"): "value_error.number.not_ge"}),
        ({"rating_id": "one"}, {("body", "rating_id"): "type_error.integer"}),
        ({"rating_id": [1]}, {("body", "rating_id"): "type_error.integer"}),
        ({"is_positive": "maybe"}, {("body", "is_positive"): "type_error.bool"}),
        ({"is_positive": 2}, {("body", "is_positive"): "type_error.bool"}),
        ({"is_positive": []}, {("body", "is_positive"): "type_error.bool"}),
        ({"comment": [1]}, {("body", "comment"): "type_error.str"}),
    ],
)
def test_invalid_feedback_is_422(kadal, change, expected):
    body = {"bot_response_id": 1, "is_positive": True, "rating_id": 1, **change}
    assert locations(kadal.send("POST", "v1/feedbacks/", json=body)) == expected


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "Y"])
def test_a_rating_is_accepted_in_many_forms(kadal, value):
    assert kadal.rate(kadal.answer("x")["message_id"], is_positive=value).json()["is_positive"] is True


def test_feedback_is_refused_in_the_query_alone_and_accepted_in_query_and_body(kadal):
    fields = {"bot_response_id": kadal.answer("x")["message_id"], "is_positive": "true", "rating_id": 1}
    assert locations(kadal.send("POST", "v1/feedbacks/", params=fields)) == {("body",): "value_error.missing"}
    assert kadal.send("POST", "v1/feedbacks/", params=fields, json=fields).status_code == 200


def test_feedback_can_be_required_in_the_query(kadal):
    kadal.simulator.quirks.feedback_in = "query"
    number = kadal.answer("x")["message_id"]
    assert locations(kadal.rate(number)) == {
        ("query", name): "value_error.missing" for name in ("bot_response_id", "is_positive", "rating_id")
    }
    fields = {"bot_response_id": number, "is_positive": "false", "rating_id": 2}
    assert kadal.send("POST", "v1/feedbacks/", params=fields).json()["is_positive"] is False


def test_ids_of_answers_and_of_messages_may_differ(kadal):
    kadal.simulator.quirks.response_id_offset = 1000
    number = kadal.answer(RETRIES, ext_user_id_ref="offset")["message_id"]
    (row,) = kadal.list(ext_user_id_ref="offset").json()["data"]
    assert row["bot_response_id"] == number + 1000
    assert kadal.rate(number).status_code == 404
    assert kadal.rate(number + 1000).json()["bot_response_id"] == number + 1000
