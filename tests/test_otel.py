"""OpenTelemetry: what the hook reports, and what it never does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from unichat import AsyncClient, routing
from unichat.errors import ServerError
from unichat.otel import Telemetry
from unichat.record import Attempt, CallRecord
from unichat.testing import FakeBackend


def record(*outcomes: str, status: int | None = 200) -> CallRecord:
    attempts = tuple(Attempt(number, 0.0, 0.1, outcome) for number, outcome in enumerate(outcomes, 1))
    return CallRecord(
        backend="kapa",
        operation="chat",
        call_id="0123abcd",
        status=status,
        request_id="req-1",
        attempts=attempts,
        elapsed=0.5,
    )


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def telemetry(spans: InMemorySpanExporter, reader: InMemoryMetricReader) -> Telemetry:
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    return Telemetry(tracing, MeterProvider([reader]))


def test_a_call_becomes_one_span_with_an_event_for_each_attempt(
    telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    telemetry.started(record())
    telemetry.attempted(record("HTTP 503"))
    telemetry.attempted(record("HTTP 503", "ok"))
    telemetry.finished(record("HTTP 503", "ok"), None)
    (span,) = spans.get_finished_spans()
    assert span.name == "kapa chat"
    assert [event.attributes["unichat.attempt.outcome"] for event in span.events if event.attributes] == [
        "HTTP 503",
        "ok",
    ]
    assert span.attributes is not None
    assert span.attributes["http.request.resend_count"] == 1
    assert span.attributes["unichat.request_id"] == "req-1"
    assert span.attributes["gen_ai.provider.name"] == "kapa"
    assert span.status.is_unset


def test_a_failure_names_its_class_and_not_its_words(telemetry: Telemetry, spans: InMemorySpanExporter) -> None:
    telemetry.started(record())
    telemetry.finished(record("HTTP 500", status=500), ServerError("the question was SECRET"))
    (span,) = spans.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ServerError"
    assert span.attributes["http.response.status_code"] == 500
    assert not span.status.is_ok
    assert "SECRET" not in span.to_json()


def test_durations_are_counted_in_seconds_by_outcome(telemetry: Telemetry, reader: InMemoryMetricReader) -> None:
    telemetry.started(record())
    telemetry.finished(record("ok"), None)
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert (metric.name, metric.unit, point.sum, point.count) == ("gen_ai.client.operation.duration", "s", 0.5, 1)  # type: ignore[union-attr]


def test_what_began_before_the_hook_was_there_is_counted_without_a_span(
    telemetry: Telemetry, spans: InMemorySpanExporter
) -> None:
    telemetry.attempted(record("ok"))
    telemetry.finished(record("ok"), None)
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_spans_and_durations_of_a_route_have_the_profile_of_the_member(
    telemetry: Telemetry, spans: InMemorySpanExporter, reader: InMemoryMetricReader, kind: str
) -> None:
    down, up = FakeBackend(scope="a"), FakeBackend(scope="b")
    down.fails("503")
    up.answers("Hello.")

    async def ask(members: dict[str, AsyncClient]) -> None:
        async with routing.fallback(members) as route:
            await route.chat("Hello?")

    settings: dict[str, Any] = {"hooks": [telemetry], "attempts": 1}
    if kind == "sync":
        with routing.fallback({"down": down.client(**settings), "up": up.client(**settings)}) as route:
            route.chat("Hello?")
    else:
        asyncio.run(ask({"down": down.async_client(**settings), "up": up.async_client(**settings)}))
    profiles = [span.attributes["unichat.profile"] for span in spans.get_finished_spans() if span.attributes]
    assert profiles == ["down", "up"]
    data = reader.get_metrics_data()
    assert data is not None
    points = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert {(point.attributes or {})["unichat.profile"] for point in points} == {"down", "up"}


def test_a_plain_client_has_no_profile(telemetry: Telemetry, spans: InMemorySpanExporter) -> None:
    vendor = FakeBackend()
    vendor.answers("Hello.")
    with vendor.client(hooks=[telemetry]) as client:
        client.chat("Hello?")
    (span,) = spans.get_finished_spans()
    assert span.attributes is not None
    assert "unichat.profile" not in span.attributes
