"""Every endpoint of Kapa's reference: each byte of its request and each field of its reply."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import field, frozen
from responses import matchers

from tests.behaviour.doubles import BAD_IDS, INTEGRATION, KAPA_URL, KEY, PROJECT
from unichat import Answer, Source, ThreadRef
from unichat.errors import InvalidInput
from unichat.models import Comment, Feedback, Rating
from unichat_kapa import operations
from unichat_kapa.analytics import Cluster, ClusterThread, Period, SourceGroup
from unichat_kapa.models import (
    Activity,
    ChatReply,
    EndUser,
    FeedbackRow,
    Integration,
    KnowledgeSource,
    Listing,
    Project,
    QuestionAnswer,
    SearchResult,
    Thread,
    ThreadSummary,
)

from .conftest import SAMPLES

THREAD = "1de43264-67cb-48af-89f9-e865c375bb84"
ANSWER = "484fbe4d-af7f-4b72-aecb-cde0e9e50cf3"
SOURCE = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
THEN = datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)
USER = {
    "email": "string",
    "unique_client_id": "string",
    "fingerprint_id": "string",
    "slack_id": "string",
    "discord_id": "string",
    "metadata": {"store_ip": False},
}
ASKED = {"query": "string", "user": USER, "metadata": {"url": "https://example.com/ä"}, "integration_id": INTEGRATION}
CUSTOM = {
    "messages": [{"role": "system", "content": "string"}],
    "retrieval_query": "string",
    "persist_answer": True,
    "use_retrieval": True,
    "label_internal_sources": False,
    "generation_model": "gpt-4",
    "source_ids_include": [SOURCE],
    "response_format": "json_object",
    "redact_conversation": False,
    "integration_id": INTEGRATION,
}
COMMENT = {"issue": "string", "incorrect": True, "irrelevant": True, "unaddressed": True}
SOURCES = (Source("string", "string", internal=True),)
REPLY = ChatReply(
    answer="string",
    thread_id="string",
    question_answer_id="string",
    is_uncertain=True,
    relevant_sources=SOURCES,
)
QUESTION_ANSWER = QuestionAnswer(
    id=SOURCE,
    thread_id="string",
    question="string",
    answer="string",
    is_uncertain=True,
    end_user_id="string",
    created_at=THEN,
    feedback=(
        Feedback(
            rating=Rating.UP,
            comment=Comment("string", incorrect=True, irrelevant=True, unaddressed=True),
            created_at=THEN,
        ),
    ),
    relevant_sources=(),
)

# Beyond the reference: no sample is printed, so these are made from what public clients of the live API read.
RETRIEVED = [{"content": "string", "source_url": "string"}]
THREADS = {
    "results": [
        {
            "id": THREAD,
            "created_at": "2019-08-24T14:15:22Z",
            "last_activity_at": "2019-08-24T14:15:22Z",
            "integration_id": INTEGRATION,
            "question_answers": [{"question": "string", "answer": "string"}],
            "has_more_question_answers": False,
            "feedback": None,
        }
    ],
    "next_cursor": "string",
}


PERIOD = {
    "id": SOURCE,
    "interval": "weekly",
    "start_date": "2026-01-05",
    "end_date": "2026-01-11",
    "total_conversations": 7,
}


def cluster_json(gap):
    """A cluster as Kapa sends it; of a coverage gap, the first answer may be missing."""
    thread = {"id": THREAD, "created_at": "2019-08-24T14:15:22Z", "initial_question": "How?"}
    return {
        "id": SOURCE,
        "title": "string",
        "summary": None,
        "thread_count": 120,
        "num_unique_users": 90,
        "threads": [thread if gap else {**thread, "initial_answer": "So."}],
        **({"suggestion": "string"} if gap else {}),
    }


def cluster(gap):
    """The same as a model."""
    return Cluster(
        id=SOURCE,
        title="string",
        summary=None,
        suggestion="string" if gap else None,
        thread_count=120,
        num_unique_users=90,
        threads=(
            ClusterThread(id=THREAD, created_at=THEN, initial_question="How?", initial_answer=None if gap else "So."),
        ),
    )


@frozen
class Case:
    """A call of one operation: what must be sent, and what the sample printed in the reference must become."""

    name: str
    arguments: dict[str, Any]
    method: str
    path: str
    expected: Any
    query: dict[str, Any] = field(factory=dict)
    body: Any = None
    status: int = 200
    sample: Any = None

    @property
    def answer(self):
        return SAMPLES[self.name] if self.sample is None else self.sample

    @property
    def is_streamed(self):
        return self.name.endswith("_streamed")

    def expect(self, vendor):
        """Let `vendor` answer this request with the sample, and no other request."""
        match = [matchers.query_param_matcher(self.query), matchers.header_matcher({"X-API-KEY": KEY})]
        if self.body is not None:
            match.append(matchers.json_params_matcher(self.body))
        body = json.dumps(self.answer).encode()
        if self.is_streamed:
            body = b"".join(json.dumps(record).encode() + b"\xe2\x90\x9e" for record in self.answer)
        kind = "text/plain; charset=utf-8" if self.is_streamed else "application/json"
        vendor.add(
            self.method,
            KAPA_URL + self.path,
            body=body,
            content_type=kind,
            status=self.status,
            match=match,
            auto_calculate_content_length=True,
        )


IN_PROJECT = f"/query/v1/projects/{PROJECT}"
IN_THREAD = f"/query/v1/threads/{THREAD}"
FULL = (
    Case(
        "retrieve_project",
        {"id": PROJECT},
        "GET",
        f"/org/v1/projects/{PROJECT}/",
        Project(id=SOURCE, team="95527efb-6695-4aae-916e-c9869b1fb2bd", project_name="string"),
    ),
    Case(
        "list_sources",
        {"project_id": PROJECT, "page": 2, "page_size": 10},
        "GET",
        f"/ingestion/v1/projects/{PROJECT}/sources/",
        Listing(items=(KnowledgeSource(id=SOURCE, name="string", type="s3"),), count=0),
        query={"page": "2", "page_size": "10"},
    ),
    Case(
        "list_integrations",
        {"project_id": PROJECT, "integration_type": ["API", "WIDGET"]},
        "GET",
        f"{IN_PROJECT}/integrations/",
        Listing(items=(Integration(id=SOURCE, name="string", integration_type="SLACK_CHANNEL"),)),
        query={"integration_type": ["API", "WIDGET"]},
    ),
    Case("chat", {"project_id": PROJECT, **ASKED}, "POST", f"{IN_PROJECT}/chat/", REPLY, body=ASKED),
    Case(
        "custom_chat",
        {"project_id": PROJECT, **CUSTOM},
        "POST",
        f"{IN_PROJECT}/chat/custom/",
        ChatReply(
            answer="string",
            thread_id=THREAD,
            question_answer_id="7d960536-abce-4add-bdc0-29c0f5637b82",
            is_uncertain=None,
            relevant_sources=SOURCES,
        ),
        body=CUSTOM,
    ),
    Case(
        "chat_in_thread",
        {"thread_id": THREAD, **ASKED},
        "POST",
        f"{IN_THREAD}/chat/",
        ChatReply(
            answer="string",
            thread_id=THREAD,
            question_answer_id="string",
            is_uncertain=True,
            relevant_sources=SOURCES,
        ),
        body=ASKED,
    ),
    Case(
        "custom_chat_streamed",
        {"project_id": PROJECT, **CUSTOM},
        "POST",
        f"{IN_PROJECT}/chat/custom/stream/",
        Answer(text="string"),
        body=CUSTOM,
    ),
    Case(
        "chat_streamed",
        {"project_id": PROJECT, **ASKED},
        "POST",
        f"{IN_PROJECT}/chat/stream/",
        Answer(text=""),
        body=ASKED,
    ),
    Case(
        "chat_in_thread_streamed",
        {"thread_id": THREAD, **ASKED},
        "POST",
        f"{IN_THREAD}/chat/stream/",
        Answer(text="", thread=ThreadRef("kapa", THREAD)),
        body=ASKED,
    ),
    Case(
        "search",
        {"project_id": PROJECT, "query": "string", "num_results": 10, "include_source_names": ["string"]},
        "POST",
        f"{IN_PROJECT}/search/",
        Listing(items=(SearchResult(content="string", source_url="string", title="string", source_type="string"),)),
        body={"query": "string", "num_results": 10, "include_source_names": ["string"]},
    ),
    Case(
        "upsert_feedback",
        {"question_answer": ANSWER, "reaction": "downvote", "user_identifier": "string", "comment": COMMENT},
        "POST",
        "/query/v1/feedback/upsert/",
        FeedbackRow(id="0", question_answer=ANSWER, reaction="upvote"),
        body={"question_answer": ANSWER, "reaction": "downvote", "user_identifier": "string", "comment": COMMENT},
        status=201,
    ),
    Case(
        "activity",
        {
            "project_id": PROJECT,
            "aggregation_period": "DAY",
            "start_date_time": "2020-01-01T00:00:00Z",
            "end_date_time": "2020-01-01T23:59:59Z",
            "integration_filter": INTEGRATION,
        },
        "GET",
        f"{IN_PROJECT}/activity/",
        Activity(
            time_series=tuple(SAMPLES["activity"]["time_series"]),
            aggregate_statistics=SAMPLES["activity"]["aggregate_statistics"],
        ),
        query={
            "aggregation_period": "DAY",
            "start_date_time": "2020-01-01T00:00:00Z",
            "end_date_time": "2020-01-01T23:59:59Z",
            "integration_filter": INTEGRATION,
        },
    ),
    Case(
        "list_end_users",
        {
            "project_id": PROJECT,
            "has_email": True,
            "search": "a b&c=ä",
            "ordering": "-latest_activity_at",
            "page": 1,
            "page_size": 50,
        },
        "GET",
        f"{IN_PROJECT}/end-users/",
        Listing(items=(EndUser(id=SOURCE, email="string", unique_client_id="string"),), count=1),
        query={
            "has_email": "true",
            "search": "a b&c=ä",
            "ordering": "-latest_activity_at",
            "page": "1",
            "page_size": "50",
        },
    ),
    Case(
        "retrieve_thread",
        {"id": THREAD},
        "GET",
        f"{IN_THREAD}/",
        Thread(id=SOURCE, question_answers=(QUESTION_ANSWER,), created_at=THEN),
    ),
    Case(
        "list_question_answers",
        {"project_id": PROJECT, "ordering": "-created_at", "page": 3, "page_size": 20},
        "GET",
        f"{IN_PROJECT}/question-answers/",
        Listing(items=(QUESTION_ANSWER,)),
        query={"ordering": "-created_at", "page": "3", "page_size": "20"},
    ),
    Case(
        "retrieval",
        {
            "project_id": PROJECT,
            "query": "string",
            "top_k": 5,
            "max_chars": 1000,
            "mode": "deep",
            "source_group_ids_include": [SOURCE],
            "integration_id": INTEGRATION,
            "redact_query": True,
            "user": USER,
        },
        "POST",
        f"{IN_PROJECT}/retrieval/",
        Listing(items=(SearchResult(content="string", source_url="string", title=None, source_type=None),)),
        body={
            "query": "string",
            "top_k": 5,
            "max_chars": 1000,
            "mode": "deep",
            "source_group_ids_include": [SOURCE],
            "integration_id": INTEGRATION,
            "redact_query": True,
            "user": USER,
        },
        sample=RETRIEVED,
    ),
    Case(
        "list_threads",
        {
            "project_id": PROJECT,
            "page_size": 500,
            "cursor": "c=1",
            "updated_since": "2020-01-01T00:00:00Z",
            "sort": "asc",
            "include": ["feedback", "end_user"],
        },
        "GET",
        f"{IN_PROJECT}/threads/",
        Listing(
            items=(ThreadSummary(id=THREAD, created_at=THEN, last_activity_at=THEN),),
            more=True,
            next_cursor="string",
        ),
        query={
            "page_size": "500",
            "cursor": "c=1",
            "updated_since": "2020-01-01T00:00:00Z",
            "sort": "asc",
            "include": "feedback,end_user",
        },
        sample=THREADS,
    ),
    Case(
        "list_source_groups",
        {"project_id": PROJECT, "page": 2, "page_size": 50},
        "GET",
        f"/ingestion/v1/projects/{PROJECT}/source-groups/",
        Listing(items=(SourceGroup(id=SOURCE, name="string"),), count=1, more=False),
        query={"page": "2", "page_size": "50"},
        sample={"count": 1, "next": None, "previous": None, "results": [{"id": SOURCE, "name": "string"}]},
    ),
    *(
        case
        for kind, name, gap in (("top-questions", "top_question", False), ("coverage-gaps", "coverage_gap", True))
        for case in (
            Case(
                f"list_{name}_periods",
                {"project_id": PROJECT, "interval": "weekly", "page_size": 500, "cursor": "c=1"},
                "GET",
                f"{IN_PROJECT}/{kind}/periods/",
                Listing(items=(Period(**PERIOD),), more=True, next_cursor="string"),
                query={"interval": "weekly", "page_size": "500", "cursor": "c=1"},
                sample={"periods": [PERIOD], "next_cursor": "string"},
            ),
            Case(
                f"retrieve_{name}s_period",
                {"id": SOURCE, "page_size": 100, "cursor": "c=1"},
                "GET",
                f"/query/v1/{kind}/periods/{SOURCE}/",
                Listing(items=(cluster(gap),), more=False),
                query={"page_size": "100", "cursor": "c=1"},
                sample={"clusters": [cluster_json(gap)], "next_cursor": None},
            ),
        )
    ),
)
REQUIRED = {
    "activity": ("project_id", "aggregation_period"),
    "upsert_feedback": ("question_answer", "reaction", "user_identifier"),
}
"""What an operation cannot do without, where that is more than an id, a query or messages."""


def least(case):
    """The same call with what the reference requires, and nothing more."""
    needed = REQUIRED.get(case.name, ("id", "project_id", "thread_id", "query", "messages"))
    in_path = ("id", "project_id", "thread_id")
    given = {name: value for name, value in case.arguments.items() if name in needed}
    sent = {name: value for name, value in given.items() if name not in in_path}
    return Case(
        case.name,
        given,
        case.method,
        case.path,
        case.expected,
        query=sent if case.method == "GET" else {},
        body=sent if case.method == "POST" else None,
        status=case.status,
        sample=case.sample,
    )


def run(kapa, case):
    operation = getattr(operations, case.name)(**case.arguments)
    if not case.is_streamed:
        return kapa.run(operation)
    with kapa.run(operation) as stream:
        assert stream.raw == case.answer
        return stream.answer


def by_name(case):
    return case.name


@pytest.mark.parametrize("case", FULL, ids=by_name)
def test_every_argument_is_sent_where_the_reference_has_it_and_the_sample_is_read(case, kapa, vendor):
    case.expect(vendor)
    result = run(kapa, case)
    assert result == case.expected
    assert result.raw == case.answer
    request = vendor.calls[0].request
    assert request.method == case.method
    assert request.url.partition("?")[0] == KAPA_URL + case.path
    assert "Authorization" not in request.headers
    assert "Cookie" not in request.headers


@pytest.mark.parametrize("case", [least(case) for case in FULL], ids=by_name)
def test_an_argument_that_is_left_out_is_not_sent_even_as_null(case, kapa, vendor):
    case.expect(vendor)
    assert run(kapa, case).raw == case.answer
    request = vendor.calls[0].request
    if case.method == "GET":
        assert request.body is None
        assert "Content-Type" not in request.headers
    else:
        assert request.headers["Content-Type"] == "application/json"
        assert None not in json.loads(request.body).values()


@pytest.mark.parametrize("case", FULL, ids=by_name)
def test_a_client_fills_in_ids_from_its_settings(case, kapa, vendor):
    case.expect(vendor)
    known = {"project_id"} if case.name != "retrieve_project" else {"id"}
    arguments = {name: value for name, value in case.arguments.items() if name not in known}
    operation = getattr(kapa.operations, case.name)(**arguments)
    result = kapa.run(operation)
    assert result.raw == case.answer


def test_the_endpoints_are_those_of_the_reference_in_its_order():
    assert [(each.name, each.reference) for each in operations.endpoints] == [
        ("retrieve_project", "Retrieve a project"),
        ("list_sources", "List all sources"),
        ("list_integrations", "List all integrations"),
        ("chat", "Chat"),
        ("custom_chat", "Custom chat"),
        ("chat_in_thread", "Chat in thread"),
        ("custom_chat_streamed", "Custom chat streamed"),
        ("chat_streamed", "Chat streamed"),
        ("chat_in_thread_streamed", "Chat in thread streamed"),
        ("search", "Search"),
        ("upsert_feedback", "Upsert feedback"),
        ("activity", "Activity"),
        ("list_end_users", "List End Users"),
        ("retrieve_thread", "Retrieve a thread"),
        ("list_question_answers", "List Question Answers"),
        ("retrieval", "(newer) Retrieval"),
        ("list_threads", "(newer) List threads"),
        ("list_source_groups", "(newer) List source groups"),
        ("list_top_question_periods", "(newer) List top question periods"),
        ("retrieve_top_questions_period", "(newer) Retrieve a top questions period"),
        ("list_coverage_gap_periods", "(newer) List coverage gap periods"),
        ("retrieve_coverage_gaps_period", "(newer) Retrieve a coverage gaps period"),
    ]


def test_every_endpoint_has_a_case_and_sends_what_it_declares():
    assert tuple(case.name for case in FULL) == operations.endpoints.names()
    for case in FULL:
        endpoint = operations.endpoints[case.name]
        places = {"project_id": PROJECT, "thread_id": THREAD, "id": case.arguments.get("id")}
        assert (endpoint.method, endpoint.path.format(**places)) == (case.method, case.path)
        assert endpoint.streamed is case.is_streamed
        assert [parameter.name for parameter in endpoint.parameters][: len(case.arguments)] == list(case.arguments)
        assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in endpoint.parameters)


def test_one_integration_type_may_be_given_as_text():
    operation = operations.list_integrations(project_id=PROJECT, integration_type="API")
    assert operation.request.target.endswith("/integrations/?integration_type=API")


ID_PARAMETERS = [
    (case, name)
    for case in FULL
    for name in case.arguments
    if name in ("id", "project_id", "thread_id", "question_answer", "integration_id")
]


@pytest.mark.parametrize(("case", "name"), ID_PARAMETERS, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("bad", [*BAD_IDS.values(), "not-a-uuid", f" {THREAD}"], ids=[*BAD_IDS, "no UUID", "a blank"])
def test_an_id_that_is_not_a_uuid_is_invalid_before_anything_is_sent(case, name, bad):
    with pytest.raises(InvalidInput) as caught:
        getattr(operations, case.name)(**{**case.arguments, name: bad})
    assert caught.value.argument == name
    assert caught.value.backend == "kapa"
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("bad", [b"API", b"", {"API"}, 7, ["API", 7]], ids=repr)
def test_what_is_neither_text_nor_a_list_of_texts_is_invalid(bad):
    for build in (
        lambda: operations.list_integrations(project_id=PROJECT, integration_type=bad),
        lambda: operations.list_threads(project_id=PROJECT, include=bad),
    ):
        with pytest.raises(InvalidInput) as caught:
            build()
        assert caught.value.hint == "Pass text, or a list of texts."


@pytest.mark.parametrize("bad", [SOURCE, SOURCE.encode(), {SOURCE}, 7], ids=repr)
def test_ids_that_are_not_in_a_list_are_invalid(bad):
    with pytest.raises(InvalidInput) as caught:
        operations.custom_chat(project_id=PROJECT, messages=CUSTOM["messages"], source_ids_include=bad)
    assert (caught.value.argument, caught.value.hint) == ("source_ids_include", "Pass a list of ids.")


@pytest.mark.parametrize("bad", ["not-a-uuid", "", 7, None], ids=repr)
def test_an_id_in_a_list_that_is_not_a_uuid_is_invalid(bad):
    given = {"project_id": PROJECT, "messages": CUSTOM["messages"], "source_ids_include": [SOURCE, bad]}
    for function in (operations.custom_chat, operations.custom_chat_streamed):
        with pytest.raises(InvalidInput, match="source_ids_include"):
            function(**given)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("chat", {"query": ""}),
        ("chat", {"query": " \n"}),
        ("chat", {"query": "x" * 5001}),
        ("chat", {"query": None}),
        ("chat", {"query": b"x"}),
        ("chat", {"query": "\ud800"}),
        ("chat_in_thread", {"query": "x" * 5001}),
        ("chat_streamed", {"query": ""}),
        ("chat_in_thread_streamed", {"query": ["x"]}),
        ("custom_chat", {"messages": []}),
        ("custom_chat", {"messages": "hello"}),
        ("custom_chat", {"messages": b"hello"}),
        ("custom_chat_streamed", {"messages": {"role": "user", "content": "hello"}}),
        ("search", {"query": ""}),
        ("search", {"query": 5}),
        ("retrieval", {"query": " "}),
        ("upsert_feedback", {"reaction": "up"}),
        ("upsert_feedback", {"reaction": None}),
        ("upsert_feedback", {"user_identifier": ""}),
        ("upsert_feedback", {"user_identifier": "x" * 201}),
        ("upsert_feedback", {"user_identifier": 12}),
        ("activity", {"aggregation_period": "day"}),
        ("activity", {"aggregation_period": "DECADE"}),
        ("list_top_question_periods", {"interval": "daily"}),
        ("list_coverage_gap_periods", {"page_size": 0}),
        ("retrieve_top_questions_period", {"page_size": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else ascii(value)[:40],
)
def test_an_argument_that_kapa_would_reject_is_invalid_before_anything_is_sent(name, wrong):
    case = next(case for case in FULL if case.name == name)
    with pytest.raises(InvalidInput):
        getattr(operations, name)(**{**case.arguments, **wrong})


@pytest.mark.parametrize(
    "wrong", [{"page": 0}, {"page": -1}, {"page": 2**31}, {"page_size": 0}, {"page_size": 1.5}], ids=repr
)
def test_a_page_that_is_not_a_positive_number_is_invalid_before_anything_is_sent(wrong):
    for function in (operations.list_sources, operations.list_end_users, operations.list_question_answers):
        with pytest.raises(InvalidInput):
            function(project_id=PROJECT, **wrong)


@pytest.mark.parametrize("page", [1, 2**31 - 1])
def test_a_page_is_a_number_of_32_bits_from_1(page):
    request = operations.list_sources(project_id=PROJECT, page=page, page_size=page).request
    assert request.query == (("page", str(page)), ("page_size", str(page)))


@pytest.mark.parametrize(
    ("name", "argument"), [("list_end_users", "search"), ("list_threads", "cursor"), ("activity", "integration_filter")]
)
def test_text_that_cannot_be_encoded_is_invalid_in_a_query_and_in_a_body(name, argument, kapa):
    case = next(case for case in FULL if case.name == name)
    with pytest.raises(InvalidInput):
        kapa.run(getattr(operations, name)(**{**case.arguments, argument: "\ud800"}))


def test_a_question_of_exactly_5000_characters_of_any_kind_is_sent():
    question = "\N{GRINNING FACE}" * 5000
    operation = operations.chat(project_id=PROJECT, query=question)
    assert json.loads(operation.request.body) == {"query": question}
    assert "\\u" not in operation.request.body.decode()


def test_a_user_identifier_of_exactly_200_characters_is_sent():
    operation = operations.upsert_feedback(question_answer=ANSWER, reaction="upvote", user_identifier="ü" * 200)
    assert json.loads(operation.request.body)["user_identifier"] == "ü" * 200
