import json
from datetime import UTC, datetime

import pytest

from unichat_kapa.simulator.activity import PERIODS, period_start
from unichat_kapa.simulator.projects import INTEGRATION_TYPES
from unichat_kapa.simulator.schemas import GENERATION_MODELS

from .conftest import Kapa

RETRIES = "How are retries configured?"
UNKNOWN = "What is the capital of France?"
NOBODY = "6a1f0c1e-5a47-4f7b-9d3e-0f2b7c9d8e11"


def is_time(text):
    return datetime.fromisoformat(text).tzinfo is not None and text.endswith("Z")


@pytest.fixture
def other(kapa):
    """The other project of the same simulator."""
    client = Kapa(kapa.simulator, kapa.simulator.projects[1])
    yield client
    client.session.close()


# Keys, paths, methods


def test_a_request_without_a_key_is_401(kapa):
    del kapa.session.headers["X-API-KEY"]
    response = kapa.get("integrations/")
    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize("key", ["wrong", "Bearer x", "\xe9"])
def test_a_request_with_a_wrong_key_is_401(kapa, key):
    kapa.session.headers["X-API-KEY"] = key.encode("latin-1")
    response = kapa.get("integrations/")
    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid API key."}


@pytest.mark.parametrize("path", ["integrations", "chat", "/nowhere/", "/", "/query/v1/feedback/upsert"])
def test_a_path_without_its_slash_or_an_unknown_one_is_404(kapa, path):
    response = kapa.get(path)
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found."}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "chat/", "POST"),
        ("POST", "integrations/", "GET"),
        ("DELETE", "chat/stream/", "POST"),
        ("FOO", "chat/", "POST"),
    ],
)
def test_a_wrong_method_is_405_and_says_what_is_allowed(kapa, method, path, allowed):
    response = kapa.send(method, path)
    assert response.status_code == 405
    assert response.json() == {"detail": f'Method "{method}" not allowed.'}
    assert response.headers["allow"] == allowed


def test_head_is_answered_like_get(kapa):
    response = kapa.send("HEAD", "integrations/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("project", [NOBODY, "not-a-uuid", "..%2F"])
def test_a_project_that_does_not_exist_is_404(kapa, project):
    response = kapa.get(f"/query/v1/projects/{project}/integrations/")
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found."}


@pytest.mark.parametrize("status", ["404", "403"])
def test_the_project_of_another_key_is_refused_as_the_quirk_says(kapa, other, status):
    kapa.simulator.quirks.foreign_project = status
    response = kapa.get(f"/org/v1/projects/{other.project.id}/")
    assert response.status_code == int(status)
    assert kapa.get(f"/org/v1/projects/{NOBODY}/").status_code == 404


def test_an_id_in_capitals_is_the_same_id(kapa):
    assert kapa.get(f"/org/v1/projects/{kapa.project.id.upper()}/").status_code == 200


def test_the_project_of_another_key_can_be_neither_read_nor_rated(kapa, other):
    mine = kapa.chat(RETRIES, user={"email": "a@example.org"})
    assert other.get(f"/query/v1/threads/{mine['thread_id']}/").status_code == 404
    assert other.post(f"/query/v1/threads/{mine['thread_id']}/chat/", query="x").status_code == 404
    assert other.post(f"/query/v1/threads/{mine['thread_id']}/chat/stream/", query="x").status_code == 404
    assert other.rate(mine["question_answer_id"]).status_code == 404
    assert other.get("question-answers/").json() == []
    assert other.get("end-users/").json()["count"] == 0
    assert other.get("threads/").json() == {"results": [], "next_cursor": None}


def test_too_many_requests_are_429_until_a_minute_has_passed(new_kapa):
    now = [1000.0]
    new_kapa.simulator.clock = lambda: now[0]
    new_kapa.simulator.quirks.requests_per_minute = 2
    assert [new_kapa.get("integrations/").status_code for _ in range(3)] == [200, 200, 429]
    now[0] += 20
    response = new_kapa.get("integrations/")
    assert response.headers["retry-after"] == "40"
    assert response.json() == {"detail": "Request was throttled. Expected available in 40 seconds."}
    now[0] += 41
    assert new_kapa.get("integrations/").status_code == 200
    new_kapa.simulator.quirks.requests_per_minute = 0
    assert new_kapa.get("integrations/").status_code == 429


# Project, sources, integrations


def test_a_project_is_retrieved(kapa):
    project = kapa.get(f"/org/v1/projects/{kapa.project.id}/").json()
    assert project == {"id": kapa.project.id, "team": kapa.project.team, "project_name": "Sandbox"}


def test_sources_are_the_documents(kapa):
    listed = kapa.get(f"/ingestion/v1/projects/{kapa.project.id}/sources/").json()
    assert set(listed) == {"count", "results"}
    assert listed["count"] == 3
    assert [(each["name"], each["contains_internal_data"]) for each in listed["results"]] == [
        ("guide.md", False),
        ("internal/prices.md", True),
        ("reference/errors.md", False),
    ]
    assert len(listed["results"][0]) == 23


def test_integrations_are_listed_bare_and_can_be_filtered(kapa):
    listed = kapa.get("integrations/").json()
    assert [each["integration_type"] for each in listed] == ["API", "WIDGET"]
    assert set(listed[0]) == {
        *("id", "project", "name", "description", "integration_type"),
        *("is_setup_complete", "is_enabled", "updated_at", "created_at"),
    }
    assert [each["integration_type"] for each in kapa.get("integrations/", integration_type="WIDGET").json()] == [
        "WIDGET"
    ]
    assert len(kapa.get("integrations/", integration_type=["WIDGET", "API"]).json()) == 2
    for kind in INTEGRATION_TYPES:
        assert kapa.get("integrations/", integration_type=kind).status_code == 200
    assert kapa.get("integrations/", integration_type="FAX").json() == {
        "integration_type": ["Select a valid choice. FAX is not one of the available choices."]
    }


# Chat


def test_a_chat_answers_from_the_documents_in_a_new_thread(kapa):
    answer = kapa.chat(RETRIES)
    assert set(answer) == {"answer", "thread_id", "question_answer_id", "is_uncertain", "relevant_sources"}
    assert "option `attempts`" in answer["answer"]
    assert answer["is_uncertain"] is False
    assert answer["relevant_sources"][0] == {
        "source_url": f"{kapa.simulator.base_url}/docs/guide.md#retries",
        "title": "Guide › Retries",
        "contains_internal_data": False,
    }
    assert kapa.chat(RETRIES)["thread_id"] != answer["thread_id"]


def test_a_question_that_the_documents_do_not_answer_is_uncertain_and_has_no_sources(kapa):
    answer = kapa.chat(UNKNOWN)
    assert answer["is_uncertain"] is True
    assert answer["relevant_sources"] == []
    assert "I do not know" in answer["answer"]


def test_a_follow_up_is_understood_in_its_thread_only(kapa):
    thread = kapa.chat(RETRIES)["thread_id"]
    follow_up = kapa.chat("And how do I change that?", thread)
    assert follow_up["thread_id"] == thread
    assert follow_up["is_uncertain"] is False
    assert follow_up["relevant_sources"][0]["title"] == "Guide › Retries"
    assert kapa.chat("And how do I change that?")["is_uncertain"] is True


@pytest.mark.parametrize("thread", [NOBODY, "not-a-uuid", "%00"])
def test_a_thread_that_does_not_exist_is_404(kapa, thread):
    for response in (
        kapa.get(f"/query/v1/threads/{thread}/"),
        kapa.post(f"/query/v1/threads/{thread}/chat/", query="x"),
    ):
        assert response.status_code == 404
        assert response.json() == {"detail": "Not found."}


@pytest.mark.parametrize("length", [1, 5000])
def test_a_query_of_1_to_5000_code_points_is_accepted(kapa, length):
    assert kapa.post("chat/", query="\N{GRINNING FACE}" * length).status_code == 200


INVALID_CHATS = [
    ({}, {"query": ["This field is required."]}),
    ({"query": None}, {"query": ["This field may not be null."]}),
    ({"query": ""}, {"query": ["This field may not be blank."]}),
    ({"query": " \n"}, {"query": ["This field may not be blank."]}),
    ({"query": "x" * 5001}, {"query": ["Ensure this field has no more than 5000 characters."]}),
    ({"query": True}, {"query": ["Not a valid string."]}),
    ({"query": "x" * 5001 + "\0"}, {
        "query": ["Ensure this field has no more than 5000 characters.", "Null characters are not allowed."],
    }),
    ({"query": ["x"]}, {"query": ["Not a valid string."]}),
    ({"query": "a\0b"}, {"query": ["Null characters are not allowed."]}),
    ({"query": "a\ud800"}, {"query": ["Surrogate characters are not allowed: U+D800."]}),
    ({"query": "x", "integration_id": "1"}, {"integration_id": ["Must be a valid UUID."]}),
    ({"query": "x", "integration_id": None}, {"integration_id": ["This field may not be null."]}),
    (
        {"query": "x", "user": "me"},
        {"user": {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}},
    ),
    ({"query": "x", "user": {"email": [1]}}, {"user": {"email": ["Not a valid string."]}}),
    (
        {"query": "x", "user": {"metadata": []}},
        {"user": {"metadata": ['Expected a dictionary of items but got type "list".']}},
    ),
    ({"query": "x", "metadata": "m"}, {"metadata": ['Expected a dictionary of items but got type "str".']}),
    ({"metadata": 1, "user": None}, {
        "query": ["This field is required."],
        "metadata": ['Expected a dictionary of items but got type "int".'],
        "user": ["This field may not be null."],
    }),
]  # fmt: skip


@pytest.mark.parametrize(("body", "errors"), INVALID_CHATS)
@pytest.mark.parametrize("path", ["chat/", "chat/stream/"])
def test_an_invalid_chat_is_400_and_names_each_field(kapa, path, body, errors):
    response = kapa.send("POST", path, data=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json() == errors


def test_numbers_are_text_and_white_space_around_text_is_dropped(new_kapa):
    new_kapa.post("chat/", query=7)
    new_kapa.post("chat/", query=f" {'x' * 5000}\n")
    assert [row["question"] for row in new_kapa.get("question-answers/").json()] == ["7", "x" * 5000]


def test_unknown_fields_are_ignored(kapa):
    assert kapa.post("chat/", query="x", surprise=[1, {"a": None}]).status_code == 200


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "Expecting property name"),
        (b"nonsense", "Expecting value: line 1 column 1 (char 0)"),
        (b'{"query": NaN}', "Out of range float values"),
        (b'{"query": 1e999}', "Out of range float values"),
        (b'{"query": "\xff"}', "'utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000, ""),
        (b'{"metadata": ' + b"[" * 200 + b"]" * 200 + b"}", "nested more than 100 levels deep"),
        (b'{"query": ' + b"9" * 5000 + b"}", "limit"),
    ],
)
def test_a_body_that_is_not_json_is_400(kapa, body, detail):
    response = kapa.send("POST", "chat/", data=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error - ")
    assert detail in response.json()["detail"]


def test_a_null_instead_of_a_body_is_400(kapa):
    response = kapa.send("POST", "chat/", data="null", headers={"content-type": "application/json"})
    assert (response.status_code, response.json()) == (400, {"non_field_errors": ["No data provided"]})


def test_a_body_is_read_in_the_encoding_that_it_is_labelled_with(kapa):
    headers = {"content-type": "application/json; charset=utf-16"}
    assert kapa.send("POST", "chat/", data='{"query": "x"}'.encode("utf-16"), headers=headers).status_code == 200
    assert kapa.send("POST", "chat/", data=b'{"query": "x"}', headers=headers).status_code == 400


@pytest.mark.parametrize("body", [[], "text", 5, True])
def test_a_body_that_is_not_an_object_is_400(kapa, body):
    response = kapa.send("POST", "chat/", data=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert "Expected a dictionary" in response.json()["non_field_errors"][0]


def test_a_body_of_another_type_is_415(kapa):
    response = kapa.send("POST", "chat/", data={"query": "x"})
    assert response.status_code == 415
    assert response.json() == {"detail": 'Unsupported media type "application/x-www-form-urlencoded" in request.'}


def test_an_integration_is_kept_with_the_thread_and_the_answer(kapa):
    integration = kapa.project.integrations[1]
    thread = kapa.chat("x", integration_id=integration.id)["thread_id"]
    assert kapa.get(f"/query/v1/threads/{thread}/").json()["integration"]["id"] == integration.id
    assert kapa.get(f"/query/v1/threads/{kapa.chat('x')['thread_id']}/").json()["integration"] is None


def test_an_unknown_integration_is_ignored_or_refused_as_the_quirk_says(kapa, other):
    for unknown in (NOBODY, other.project.integrations[0].id):
        thread = kapa.chat("x", integration_id=unknown)["thread_id"]
        assert kapa.get(f"/query/v1/threads/{thread}/").json()["integration"] is None
        kapa.simulator.quirks.unknown_integration = "400"
        response = kapa.post("chat/", query="x", integration_id=unknown)
        assert response.json() == {"integration_id": [f'Invalid pk "{unknown}" - object does not exist.']}
        kapa.simulator.quirks.unknown_integration = "ignore"


# Custom chat


def build_messages(*texts, role="user"):
    return [{"role": role, "content": text} for text in texts]


def test_a_custom_chat_answers_its_last_message(kapa):
    response = kapa.post(
        "chat/custom/", messages=[*build_messages("Be brief.", role="system"), *build_messages(RETRIES)]
    )
    answer = response.json()
    assert set(answer) == {"answer", "thread_id", "question_answer_id", "messages", "relevant_sources"}
    assert "`attempts`" in answer["answer"]
    assert [each["role"] for each in answer["messages"]] == ["system", "user", "assistant"]
    assert answer["messages"][-1]["content"] == answer["answer"]
    source = answer["relevant_sources"][0]
    assert set(source) == {"source_url", "title", "contains_internal_data", "content", "source_name"}
    assert source["source_name"] == "guide.md"
    assert kapa.get(f"/query/v1/threads/{answer['thread_id']}/").json()["question_answers"][0]["question"] == RETRIES


def test_a_custom_chat_understands_what_was_said_before(kapa):
    follow_up = "And how do I change that?"
    assert kapa.post("chat/custom/", messages=build_messages(RETRIES, follow_up)).json()["relevant_sources"]
    assert not kapa.post("chat/custom/", messages=build_messages(follow_up)).json()["relevant_sources"]


def test_a_retrieval_query_is_searched_instead(kapa):
    answer = kapa.post("chat/custom/", messages=build_messages(UNKNOWN), retrieval_query="retries").json()
    assert answer["relevant_sources"][0]["title"] == "Guide › Retries"


def test_a_conversation_without_the_users_words_is_answered_by_its_last_message(kapa):
    assert kapa.post("chat/custom/", messages=build_messages(RETRIES, role="system")).json()["relevant_sources"]


def test_without_retrieval_there_are_no_sources(kapa):
    answer = kapa.post("chat/custom/", messages=build_messages(RETRIES), use_retrieval=False).json()
    assert answer["relevant_sources"] == []
    assert "`attempts`" not in answer["answer"]


def test_an_answer_that_is_not_stored_has_no_ids(new_kapa):
    answer = new_kapa.post("chat/custom/", messages=build_messages(RETRIES), persist_answer=False).json()
    assert (answer["thread_id"], answer["question_answer_id"]) == (None, None)
    assert new_kapa.get("question-answers/").json() == []
    chunks = new_kapa.stream("chat/custom/stream/", messages=build_messages(RETRIES), persist_answer=False)
    assert chunks[-1]["type"] == "metadata"
    assert chunks[-1]["stream_end"] is True


def test_a_redacted_conversation_is_stored_without_its_text(kapa):
    answer = kapa.post("chat/custom/", messages=build_messages(RETRIES), redact_conversation=True).json()
    assert "`attempts`" in answer["answer"]
    (kept,) = kapa.get(f"/query/v1/threads/{answer['thread_id']}/").json()["question_answers"]
    assert (kept["question"], kept["answer"], kept["is_redacted"]) == ("[REDACTED]", "[REDACTED]", True)
    assert kapa.chat("And how do I change that?", answer["thread_id"])["is_uncertain"]


def test_internal_sources_are_marked_and_labelled_on_request(kapa):
    messages = build_messages("What is the wholesale discount?")
    (source,) = kapa.post("chat/custom/", messages=messages).json()["relevant_sources"]
    assert (source["title"], source["contains_internal_data"]) == ("Price list", True)
    (source,) = kapa.post("chat/custom/", messages=messages, label_internal_sources=True).json()["relevant_sources"]
    assert source["title"] == "[INTERNAL] Price list"
    answer = kapa.post("chat/custom/", messages=build_messages(RETRIES), label_internal_sources=True).json()
    assert answer["relevant_sources"][0]["title"] == "Guide › Retries"


def test_retrieval_can_be_restricted_to_some_sources(kapa):
    listed = kapa.get(f"/ingestion/v1/projects/{kapa.project.id}/sources/").json()["results"]
    ids = {each["name"]: each["id"] for each in listed}
    body = {"messages": build_messages(RETRIES)}
    assert kapa.post("chat/custom/", **body, source_ids_include=[ids["guide.md"]]).json()["relevant_sources"]
    assert not kapa.post("chat/custom/", **body, source_ids_include=[ids["internal/prices.md"]]).json()[
        "relevant_sources"
    ]
    assert kapa.post("chat/custom/", **body, source_ids_include=[]).json()["relevant_sources"]


def test_a_json_object_can_be_requested(kapa):
    answer = kapa.post("chat/custom/", messages=build_messages(RETRIES), response_format="json_object").json()["answer"]
    assert "`attempts`" in json.loads(answer)["answer"]


def test_every_generation_model_of_the_reference_is_accepted(kapa):
    assert len(GENERATION_MODELS) == 13
    for model in GENERATION_MODELS:
        assert kapa.post("chat/custom/", messages=build_messages("x"), generation_model=model).status_code == 200


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"messages": ["This field is required."]}),
        ({"messages": []}, {"messages": {"non_field_errors": ["This list may not be empty."]}}),
        (
            {"messages": {}},
            {"messages": {"non_field_errors": ['Expected a list of items but got type "dict".']}},
        ),
        (
            {"messages": build_messages("x", role="bot")},
            {"messages": {"0": {"role": ['"bot" is not a valid choice.']}}},
        ),
        (
            {"messages": build_messages("x", role=["a"])},
            {"messages": {"0": {"role": ["\"['a']\" is not a valid choice."]}}},
        ),
        (
            {"messages": [*build_messages("x"), {"role": "user"}, None]},
            {"messages": {"1": {"content": ["This field is required."]}, "2": ["This field may not be null."]}},
        ),
        ({"generation_model": "gpt-5"}, {"generation_model": ['"gpt-5" is not a valid choice.']}),
        ({"response_format": "xml"}, {"response_format": ['"xml" is not a valid choice.']}),
        ({"persist_answer": "perhaps"}, {"persist_answer": ["Must be a valid boolean."]}),
        ({"use_retrieval": 2}, {"use_retrieval": ["Must be a valid boolean."]}),
        ({"retrieval_query": ""}, {"retrieval_query": ["This field may not be blank."]}),
        ({"source_ids_include": ["x", NOBODY]}, {"source_ids_include": {"0": ["Must be a valid UUID."]}}),
    ],
)
@pytest.mark.parametrize("path", ["chat/custom/", "chat/custom/stream/"])
def test_an_invalid_custom_chat_is_400(kapa, path, body, errors):
    body = body if not body or "messages" in body else {"messages": build_messages("x"), **body}
    response = kapa.post(path, **body)
    assert response.status_code == 400
    assert response.json() == errors


# Search and retrieval


def test_a_search_returns_passages(kapa):
    found = kapa.post("search/", query="boiler").json()
    assert {each["title"] for each in found} == {"Guide › Descaling", "Errors › OverheatError"}
    assert set(found[0]) == {"content", "source_url", "title", "source_type"}
    assert len(kapa.post("search/", query="boiler", num_results=1).json()) == 1
    assert len(kapa.post("search/", query="boiler", num_results=10**30).json()) == 2
    assert len(kapa.post("search/", query="boiler", num_results=2.0).json()) == 2
    assert len(kapa.post("search/", query="boiler", include_source_names=["guide.md"]).json()) == 1
    assert len(kapa.post("search/", query="boiler", include_source_names=["markdown"]).json()) == 2
    assert kapa.post("search/", query="zebra").json() == []


@pytest.mark.parametrize("number", [0, -1, 1.5, "ten", "9" * 1001, True, [], None])
def test_an_invalid_number_of_results_is_400(kapa, number):
    response = kapa.post("search/", query="x", num_results=number)
    assert response.status_code == 400
    assert set(response.json()) == {"num_results"}


def test_retrieval_returns_a_bare_list(kapa):
    found = kapa.post("retrieval/", query="boiler").json()
    assert [set(each) for each in found] == [{"content", "source_url"}] * 2
    assert len(kapa.post("retrieval/", query="boiler", top_k=1).json()) == 1
    shortest = len(found[0]["content"])
    assert kapa.post("retrieval/", query="boiler", max_chars=shortest).json() == found[:1]
    assert kapa.post("retrieval/", query="boiler", mode="shallow").status_code == 400


# Feedback


def test_feedback_is_upserted(kapa):
    now = [1_700_000_000.0]
    kapa.simulator.clock = lambda: now[0]
    answer = kapa.chat(RETRIES)["question_answer_id"]
    first = kapa.rate(answer)
    assert first.status_code == 201
    assert set(first.json()) == {
        *("id", "comment", "created_at", "updated_at", "user_identifier", "reaction", "question_answer")
    }
    assert first.json()["comment"] is None
    now[0] += 60
    comment = {"issue": "It is wrong", "incorrect": True, "irrelevant": False, "unaddressed": False}
    second = kapa.rate(answer, "downvote", comment={"issue": "It is wrong", "incorrect": True}).json()
    assert second == {
        **first.json(),
        "reaction": "downvote",
        "comment": comment,
        "updated_at": "2023-11-14T22:14:20.000000Z",
    }
    assert kapa.rate(answer, user_identifier="somebody else").json()["id"] != second["id"]
    thread = kapa.get("question-answers/", ordering="-created_at", page_size=1).json()
    assert [each["reaction"] for each in thread[0]["feedback"]] == ["downvote", "upvote"]
    assert thread[0]["feedback"][0]["comment"] == "It is wrong"
    assert thread[0]["feedback"][1]["comment"] is None


def test_a_comment_with_an_upvote_is_kept(kapa):
    answer = kapa.chat(RETRIES)["question_answer_id"]
    assert kapa.rate(answer, comment={"issue": "thanks"}).json()["comment"]["issue"] == "thanks"
    assert kapa.rate(answer, comment=None).json()["comment"] is None


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"reaction": "like"}, {"reaction": ['"like" is not a valid choice.']}),
        ({"user_identifier": ""}, {"user_identifier": ["This field may not be blank."]}),
        ({"user_identifier": "x" * 201}, {"user_identifier": ["Ensure this field has no more than 200 characters."]}),
        ({"answer_id": "1"}, {"question_answer": ["Must be a valid UUID."]}),
        ({"answer_id": 1.0}, {"question_answer": ["Must be a valid UUID."]}),
        (
            {"comment": "bad"},
            {"comment": {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}},
        ),
        ({"comment": {"incorrect": "perhaps"}}, {"comment": {"incorrect": ["Must be a valid boolean."]}}),
    ],
)
def test_invalid_feedback_is_400(kapa, change, errors):
    response = kapa.rate(**{"answer_id": NOBODY, **change})
    assert response.status_code == 400
    assert response.json() == errors


def test_feedback_without_its_fields_is_400(kapa):
    response = kapa.post("/query/v1/feedback/upsert/")
    assert set(response.json()) == {"user_identifier", "reaction", "question_answer"}


def test_feedback_on_an_unknown_answer_is_404_or_400_as_the_quirk_says(kapa):
    response = kapa.rate(NOBODY)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    kapa.simulator.quirks.unknown_answer = "400"
    response = kapa.rate(NOBODY)
    assert response.status_code == 400
    assert response.json() == {"question_answer": [f'Invalid pk "{NOBODY}" - object does not exist.']}


# Threads


def test_a_thread_shows_its_answers_oldest_first(kapa):
    asked = kapa.chat(RETRIES, user={"unique_client_id": "u"})
    kapa.chat("And how do I change that?", asked["thread_id"])
    thread = kapa.get(f"/query/v1/threads/{asked['thread_id']}/").json()
    assert set(thread) == {"id", "integration", "question_answers", "created_at"}
    assert [each["question"] for each in thread["question_answers"]] == [RETRIES, "And how do I change that?"]
    first = thread["question_answers"][0]
    assert set(first) == {
        *("id", "thread_id", "question", "answer", "is_uncertain", "is_redacted", "end_user_id", "created_at"),
        *("feedback", "relevant_sources"),
    }
    assert first["id"] == asked["question_answer_id"]
    assert first["answer"] == asked["answer"]
    assert first["end_user_id"] is not None
    assert is_time(first["created_at"])


def test_sources_inside_a_thread_are_text_or_a_list_or_null_as_the_quirk_says(kapa):
    asked = kapa.chat(RETRIES)
    shown = {}
    for form in ("text", "list", "null"):
        kapa.simulator.quirks.thread_sources = form
        (answer,) = kapa.get(f"/query/v1/threads/{asked['thread_id']}/").json()["question_answers"]
        shown[form] = answer["relevant_sources"]
    assert json.loads(shown["text"]) == shown["list"] == asked["relevant_sources"]
    assert shown["null"] is None


def test_threads_are_listed_by_last_activity_with_a_cursor(new_kapa):
    now = [1_700_000_000.0]
    new_kapa.simulator.clock = lambda: now[0]
    threads = []
    for number in range(3):
        threads.append(new_kapa.chat(f"retries {number}", user={"email": f"{number}@example.org"})["thread_id"])
        now[0] += 60
    new_kapa.chat("more", threads[0])
    page = new_kapa.get("threads/", page_size=2).json()
    assert [each["id"] for each in page["results"]] == [threads[0], threads[2]]
    rest = new_kapa.get("threads/", page_size=2, cursor=page["next_cursor"]).json()
    assert [each["id"] for each in rest["results"]] == [threads[1]]
    assert rest["next_cursor"] is None
    upward = new_kapa.get("threads/", sort="asc", page_size=2).json()
    assert [each["id"] for each in upward["results"]] == threads[1:]
    rest = new_kapa.get("threads/", sort="asc", cursor=upward["next_cursor"]).json()
    assert [each["id"] for each in rest["results"]] == threads[:1]
    since = new_kapa.get("threads/", updated_since=page["results"][1]["last_activity_at"]).json()
    assert [each["id"] for each in since["results"]] == [threads[0], threads[2]]


def test_a_listed_thread_has_the_parts_that_are_asked_for(new_kapa):
    asked = new_kapa.chat(RETRIES, user={"email": "a@example.org"}, integration_id=new_kapa.project.integrations[0].id)
    new_kapa.rate(asked["question_answer_id"])
    (plain,) = new_kapa.get("threads/").json()["results"]
    assert set(plain) == {
        *("id", "created_at", "last_activity_at", "integration_id", "question_answers", "has_more_question_answers")
    }
    assert plain["question_answers"][0]["question"] == RETRIES
    parts = "feedback,status_tag,custom_tags,interaction_tags,end_user,integration"
    (full,) = new_kapa.get("threads/", include=parts).json()["results"]
    assert full["question_answers"][0]["feedback"][0]["reaction"] == "upvote"
    assert full["end_user"]["id"] is not None
    assert full["integration"]["id"] == full["integration_id"]
    assert (full["status_tag"], full["custom_tags"], full["interaction_tags"]) == (None, [], [])


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({"sort": "up"}, 400, "sort"),
        ({"include": "feedback,all"}, 400, "include"),
        ({"updated_since": "yesterday"}, 400, "updated_since"),
        ({"cursor": "nonsense"}, 404, "detail"),
        ({"cursor": "eCA5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk="}, 404, "detail"),
        ({"cursor": "\u00e9"}, 404, "detail"),
    ],
)
def test_an_invalid_list_of_threads_is_refused(kapa, params, status, field):
    response = kapa.get("threads/", **params)
    assert response.status_code == status
    assert set(response.json()) == {field}


# Lists


@pytest.fixture
def three(new_kapa):
    """Kapa where three questions were asked, by three people."""
    for number in range(3):
        new_kapa.chat(f"question {number}", user={"unique_client_id": f"u{number}"})
    return new_kapa


LISTS = {
    "question_answers": "question-answers/",
    "end_users": "end-users/",
    "integrations": "integrations/",
    "sources": "sources",
}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_the_shape_that_the_quirk_says(three, name):
    path = LISTS[name] if name != "sources" else f"/ingestion/v1/projects/{three.project.id}/sources/"
    shapes = {}
    for shape in ("bare", "count", "next", "object"):
        setattr(three.simulator.quirks, f"{name}_shape", shape)
        shapes[shape] = three.get(path).json()
    rows = shapes["bare"]
    assert len(rows) >= 2
    assert shapes["count"] == {"count": len(rows), "results": rows}
    assert shapes["next"] == {"count": len(rows), "next": None, "previous": None, "results": rows}
    assert shapes["object"] == rows[0]


def test_pages_are_linked(three):
    three.simulator.quirks.question_answers_shape = "next"
    three.simulator.quirks.page_size = 2
    first = three.get("question-answers/", ordering="-created_at").json()
    assert [each["question"] for each in first["results"]] == ["question 2", "question 1"]
    assert first["previous"] is None
    second = three.session.get(first["next"]).json()
    assert [each["question"] for each in second["results"]] == ["question 0"]
    assert second["next"] is None
    assert three.session.get(second["previous"]).json() == first


def test_question_answers_are_ordered_and_paged(three):
    def questions(**params):
        return [each["question"][-1] for each in three.get("question-answers/", **params).json()]

    assert questions() == questions(ordering="created_at") == questions(ordering="surprise") == ["0", "1", "2"]
    assert questions(ordering="-created_at") == ["2", "1", "0"]
    assert questions(page=2, page_size=2) == ["2"]
    three.simulator.quirks.page_size_cap = 1
    assert questions(page_size=50) == ["0"]


def test_a_page_past_the_end_is_empty_or_404_as_the_shape_and_the_quirk_say(three):
    assert three.get("question-answers/", page=2).json() == []
    three.simulator.quirks.past_the_end_of_bare = "404"
    assert three.get("question-answers/", page=2).json() == {"detail": "Invalid page."}
    response = three.get("end-users/", page=2)
    assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


def test_the_first_page_of_an_empty_list_is_empty(new_kapa):
    assert new_kapa.get("question-answers/").json() == []
    assert new_kapa.get("end-users/").json() == {"count": 0, "next": None, "previous": None, "results": []}
    new_kapa.simulator.quirks.end_users_shape = "object"
    assert new_kapa.get("end-users/").json() == {}


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "LAST"])
def test_an_invalid_page_is_404(kapa, page):
    response = kapa.get("question-answers/", page=page)
    assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


def test_the_last_page_has_a_name(new_kapa):
    for number in range(3):
        new_kapa.post("chat/", query=f"question {number}")
    (row,) = new_kapa.get("question-answers/", page="last", page_size=2).json()
    assert row["question"] == "question 2"


@pytest.mark.parametrize("size", ["0", "-1", "x", ""])
def test_an_invalid_page_size_is_the_usual_one(kapa, size):
    kapa.simulator.quirks.page_size = 1
    kapa.post("chat/", query="x")
    kapa.post("chat/", query="x")
    assert len(kapa.get("question-answers/", page_size=size).json()) == 1
    assert len(kapa.get("question-answers/", page_size="9" * 40).json()) > 1


@pytest.mark.parametrize(
    ("ordering", "users"),
    [
        ("question_answer_count,-unique_client_id", "cab"),
        ("-question_answer_count , unique_client_id", "bac"),
        ("nonsense,-unique_client_id", "cba"),
        ("--unique_client_id", "bac"),
    ],
)
def test_end_users_are_ordered_by_several_fields(new_kapa, ordering, users):
    for user in "bbac":
        new_kapa.post("chat/", query="x", user={"unique_client_id": user})
    rows = new_kapa.get("end-users/", ordering=ordering).json()["results"]
    assert "".join(row["unique_client_id"] for row in rows) == users


# End users


def test_end_users_come_from_the_users_of_chats(new_kapa):
    first = new_kapa.chat(RETRIES, user={"unique_client_id": "u1", "metadata": {"company_name": "Acme"}})
    new_kapa.chat("more", first["thread_id"], user={"unique_client_id": "u1", "email": "u1@example.org"})
    new_kapa.chat("x", user={"slack_id": "S1"})
    new_kapa.chat("x", user={"metadata": {"company": "nobody"}})
    new_kapa.chat("x", user={})
    listed = new_kapa.get("end-users/").json()
    assert listed["count"] == 2
    person, anonymous = listed["results"]
    assert set(person) == {
        *("id", "display_id", "email", "unique_client_id", "question_answer_count", "latest_thread_id"),
        *("latest_thread_first_question", "latest_activity_at", "first_activity_at", "company_name"),
    }
    assert (person["email"], person["unique_client_id"]) == ("u1@example.org", "u1")
    assert person["display_id"] == "u1@example.org"
    assert person["question_answer_count"] == 2
    assert person["latest_thread_id"] == first["thread_id"]
    assert person["latest_thread_first_question"] == RETRIES
    assert person["company_name"] == "Acme"
    assert person["first_activity_at"] < person["latest_activity_at"]
    assert anonymous["display_id"].startswith("Anonymous ")


def test_end_users_can_be_searched_filtered_and_ordered(new_kapa):
    for user in ({"email": "Zoe@example.org"}, {"unique_client_id": "adam"}, {"email": "bea@example.org"}):
        new_kapa.chat("x", user=user)
    new_kapa.chat("x", user={"unique_client_id": "adam"})

    def list_users(**params):
        return [each["display_id"][:3] for each in new_kapa.get("end-users/", **params).json()["results"]]

    assert list_users() == ["Zoe", "ada", "bea"]
    assert list_users(has_email="true") == ["Zoe", "bea"]
    assert list_users(has_email="false") == ["ada"]
    assert list_users(has_email="perhaps") == ["Zoe", "ada", "bea"]
    assert list_users(search="zoe@") == ["Zoe"]
    assert list_users(search="DAM") == ["ada"]
    assert list_users(search="%") == []
    assert list_users(ordering="-question_answer_count") == ["ada", "Zoe", "bea"]
    assert list_users(ordering="latest_activity_at") == ["Zoe", "bea", "ada"]
    assert list_users(ordering="-surprise; DROP TABLE kapa_users") == ["Zoe", "ada", "bea"]
    assert list_users(page=2, page_size=2) == ["bea"]


# Activity


def test_activity_counts_questions_and_votes(new_kapa):
    now = [datetime(2026, 3, 4, 10, 30, tzinfo=UTC).timestamp()]
    new_kapa.simulator.clock = lambda: now[0]
    widget = new_kapa.project.integrations[1]
    first = new_kapa.chat(RETRIES, user={"email": "a@example.org"}, integration_id=widget.id)
    second = new_kapa.chat(UNKNOWN, user={"email": "a@example.org"})
    new_kapa.rate(first["question_answer_id"], "downvote")
    new_kapa.rate(second["question_answer_id"], "upvote")
    now[0] += 86_400
    new_kapa.chat(RETRIES)

    def activity(**params):
        return new_kapa.get("activity/", **{"aggregation_period": "DAY", **params}).json()

    shown = activity()
    assert shown["aggregate_statistics"] == {
        "total_questions": 3,
        "total_upvotes": 1,
        "total_downvotes": 1,
        "total_questions_uncertain": 1,
        "total_questions_uncertain_or_downvoted": 2,
        "total_unique_users": 1,
        "total_support_tickets_deflected": 0,
        "total_support_tickets_not_deflected": 0,
    }
    day, next_day = shown["time_series"]
    assert day == {
        "period": "2026-03-04T00:00:00.000000Z",
        "total_count": 2,
        "total_uncertain_count": 1,
        "count_by_integration": [
            {"integration_type": "WIDGET", "count": 1, "description": widget.name, "id": widget.id},
            {"integration_type": "UNKNOWN", "count": 1, "description": "", "id": ""},
        ],
    }
    assert next_day["total_count"] == 1
    assert activity(integration_filter=widget.id)["aggregate_statistics"]["total_questions"] == 1
    assert activity(start_date_time="2026-03-05T00:00:00Z")["aggregate_statistics"]["total_questions"] == 1
    assert activity(end_date_time="2026-03-04T23:59:59+00:00")["aggregate_statistics"]["total_questions"] == 2
    assert activity(end_date_time="2026-03-04T11:00:00")["aggregate_statistics"]["total_questions"] == 2
    assert len(activity(aggregation_period="WEEK")["time_series"]) == 1


@pytest.mark.parametrize(
    ("period", "start"),
    list(
        zip(PERIODS, ["2026-03-04T10", "2026-03-04T00", "2026-03-02T00", "2026-03-01T00", "2026-01-01T00"], strict=True)
    ),
)
def test_periods_begin_at_their_first_hour(period, start):
    assert period_start(datetime(2026, 3, 4, 10, 30, tzinfo=UTC), period).isoformat().startswith(start)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "aggregation_period"),
        ({"aggregation_period": "day"}, "aggregation_period"),
        ({"aggregation_period": "DAY", "start_date_time": "soon"}, "start_date_time"),
        ({"aggregation_period": "DAY", "end_date_time": "0001-01-01T00:00:00+14:00"}, "end_date_time"),
    ],
)
def test_invalid_activity_is_400(kapa, params, field):
    response = kapa.get("activity/", **params)
    assert (response.status_code, set(response.json())) == (400, {field})


# Streams


STREAMS = ["chat/stream/", "thread", "chat/custom/stream/"]


def stream(kapa, path, question=RETRIES):
    if path == "thread":
        path = f"/query/v1/threads/{kapa.chat(RETRIES)['thread_id']}/chat/stream/"
    body = {"messages": build_messages(question)} if "custom" in path else {"query": question}
    return kapa.stream(path, **body)


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_is_records_each_followed_by_the_separator(kapa, path):
    chunks = stream(kapa, path)
    kinds = [chunk["type"] for chunk in chunks]
    assert kinds[:4] == ["relevant_sources", "partial_answer", "partial_answer", "partial_answer"]
    assert kinds[-2:] == ["metadata", "identifiers"]
    assert all(set(chunk) == {"type", "content", "stream_end"} for chunk in chunks)
    texts = [chunk["content"]["text"] for chunk in chunks if chunk["type"] == "partial_answer"]
    assert texts[:2] == ["", ""]
    assert all(texts[2:])
    assert [chunk["stream_end"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    ids = chunks[-1]["content"]
    thread = kapa.get(f"/query/v1/threads/{ids['thread_id']}/").json()
    assert thread["question_answers"][-1]["id"] == ids["question_answer_id"]
    assert thread["question_answers"][-1]["answer"] == "".join(texts)
    assert chunks[0]["content"]["relevant_sources"][0]["title"] == "Guide › Retries"
    assert chunks[-2]["content"] == {"is_uncertain": False}


def test_a_streamed_answer_is_the_plain_one(kapa):
    texts = [chunk["content"].get("text", "") for chunk in stream(kapa, "chat/stream/")]
    assert "".join(texts) == kapa.chat(RETRIES)["answer"]


@pytest.mark.parametrize(("quirk", "ends"), [("last", 1), ("all", None), ("none", 0)])
def test_the_end_is_flagged_as_the_quirk_says(kapa, quirk, ends):
    kapa.simulator.quirks.stream_end = quirk
    chunks = stream(kapa, "chat/stream/")
    assert sum(chunk["stream_end"] for chunk in chunks) == (len(chunks) if ends is None else ends)


def test_newer_records_and_the_number_of_empty_pieces_are_quirks(kapa):
    kapa.simulator.quirks.agent_activity = True
    kapa.simulator.quirks.empty_pieces = 0
    chunks = stream(kapa, "chat/stream/")
    assert [chunk["type"] for chunk in chunks[:5]] == [
        *("stream_start", "agent_activity_update", "agent_activity_update", "relevant_sources", "partial_answer")
    ]
    assert chunks[0]["content"]["thread_id"] == chunks[-1]["content"]["thread_id"]
    assert all(chunk["content"].get("text") != "" for chunk in chunks)


def test_the_content_type_of_a_stream_is_a_quirk(kapa):
    assert kapa.post("chat/stream/", query="x").headers["content-type"] == "text/plain; charset=utf-8"
    kapa.simulator.quirks.stream_content_type = "application/x-ndjson"
    assert kapa.post("chat/stream/", query="x").headers["content-type"] == "application/x-ndjson"


def test_a_separator_inside_the_text_never_cuts_a_record(start, tmp_path):
    (tmp_path / "a.md").write_text("# Kettle\n\nThe kettle \u241e whistles\u241e", encoding="utf-8")
    client = Kapa(start(docs=tmp_path).simulator("kapa"))
    with client.session:
        texts = [chunk["content"].get("text", "") for chunk in stream(client, "chat/stream/", "kettle")]
    assert "The kettle \u241e whistles\u241e" in "".join(texts)
