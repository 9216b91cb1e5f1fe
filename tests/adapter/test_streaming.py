"""The failure of a stream, as a decoder raises it."""

from unichat.adapter import ErrorResponse, StreamFailure
from unichat.errors import RateLimited


def test_a_report_with_a_status_keeps_it():
    failure = StreamFailure(ErrorResponse(status=429, message="too fast"))
    assert (failure.kind, failure.reason, failure.response.status) == ("vendor", "too fast", 429)
    assert StreamFailure("vendor", "no").response is None
    assert not isinstance(failure, RateLimited)
