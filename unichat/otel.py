"""OpenTelemetry: a span for each operation, an event for each attempt, a histogram of durations; extra `otel`.

    client = unichat.connect("kapa", hooks=[unichat.otel.Telemetry()])

Names follow the conventions for generative AI and for HTTP where those fit. No question, answer, user or key is
recorded.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from unichat.errors import ConfigError
from unichat.record import CallRecord

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider


class Telemetry:
    """A hook that reports to OpenTelemetry; to the global providers, unless others are given.

    Raises:
        ConfigError: the OpenTelemetry API is not installed.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        missing = False
        try:
            from opentelemetry import metrics, trace
        except ImportError:
            missing = True
        if missing:
            raise ConfigError(
                "OpenTelemetry is not installed", hint='Install it: pip install "unichat-bridge[otel]".', key="hooks"
            )
        self._tracer = trace.get_tracer("unichat", tracer_provider=tracer_provider)
        meter = metrics.get_meter("unichat", meter_provider=meter_provider)
        self._durations = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Duration of an operation, including attempts and waits",
        )
        self._spans: dict[str, Span] = {}
        self._lock = threading.Lock()

    def started(self, record: CallRecord) -> None:
        """Begin the operation's span."""
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(
            f"{record.backend} {record.operation}",
            kind=SpanKind.CLIENT,
            attributes={**_names(record), "unichat.call_id": record.call_id},
        )
        with self._lock:
            self._spans[record.call_id] = span

    def attempted(self, record: CallRecord) -> None:
        """Add the attempt to the span, as an event."""
        with self._lock:
            span = self._spans.get(record.call_id)
        if span is not None:
            attempt = record.attempts[-1]
            span.add_event(
                "attempt",
                {
                    "unichat.attempt.number": attempt.number,
                    "unichat.attempt.outcome": attempt.outcome,
                    "unichat.attempt.elapsed": attempt.elapsed,
                },
            )

    def finished(self, record: CallRecord, error: BaseException | None) -> None:
        """End the span, and record the duration."""
        from opentelemetry.trace import Status, StatusCode

        labels: dict[str, str | int] = dict(_names(record))
        if record.status is not None:
            labels["http.response.status_code"] = record.status
        if error is not None:
            labels["error.type"] = type(error).__name__
        self._durations.record(record.elapsed, labels)
        with self._lock:
            span = self._spans.pop(record.call_id, None)
        if span is None:
            return
        span.set_attributes({**labels, "http.request.resend_count": max(0, len(record.attempts) - 1)})
        if record.request_id is not None:
            span.set_attribute("unichat.request_id", record.request_id)
        if error is not None:
            # Only the class: the message quotes the caller's values.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end()


def _names(record: CallRecord) -> dict[str, str]:
    names = {
        "gen_ai.operation.name": "chat" if "chat" in record.operation else record.operation,
        "gen_ai.provider.name": record.backend,
        "unichat.operation": record.operation,
    }
    if record.profile is not None:
        names["unichat.profile"] = record.profile
    return names
