"""HTTP messages as values: the request that an operation sends, the reply, and the error that a reply may hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus, urlencode

from attrs import define, field, frozen

from unichat._text.decoding import decode_json, excerpt
from unichat._text.encoding import check_encodable
from unichat._text.printable import format_value
from unichat.errors import InvalidInput, InvalidResponse

_METHOD = re.compile(r"[A-Z]+(-[A-Z]+)*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CREDENTIAL_HEADERS = frozenset(
    ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-auth-token", "x-access-token")
)
_TRANSPORT_HEADERS = frozenset(
    ("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer",
     "transfer-encoding", "upgrade", "user-agent")
)  # fmt: skip
_REQUEST_HEADERS = frozenset(("accept", "content-type"))


@frozen
class Request:
    """The HTTP request of an operation.

    Attributes:
        method: in capitals: `GET`, `POST`, `PUT`, `PATCH`, `DELETE` and so on.
        path: from the root, with every segment percent-encoded.
        query: pairs in order, not encoded yet; a name may occur more than once.
        body: encoded once, so that every attempt sends the same bytes; None for no body.
        content_type: of the body.
        headers: pairs, besides those that unichat sets itself; never a credential's.
        accept: the media type to request; None for JSON, or for anything in the case of a stream.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=(), kw_only=True, repr=False)
    accept: str | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        # In one function, since each call makes a request, and most have only a method and a path to check.
        # CONNECT would open a tunnel, and no response would arrive.
        if not _METHOD.fullmatch(self.method) or self.method == "CONNECT":
            raise ValueError(f"{self.method!r} is not an HTTP method that can be sent; methods are in capitals")
        # It is appended to the base URL: without the slash, "@evil.example/" would become the host.
        if not self.path.startswith("/"):
            raise ValueError(f"a path must begin with a slash, unlike {self.path!r}")
        for name, value in self.query:
            check_encodable(name, value)
        for name, value in self.headers:
            _check_header(name, value)
        if self.accept is not None:
            check_header_value("Accept", self.accept)

    @property
    def target(self) -> str:
        """The path with the encoded query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def target_with(self, base_query: str) -> str:
        """The same with the query of a `base_url`, which is encoded already; the request's own parameters win."""
        own = {name for name, _ in self.query}
        added = [part for part in base_query.split("&") if part and unquote_plus(part.partition("=")[0]) not in own]
        return (
            "&".join([self.target if self.query else f"{self.path}?{added.pop(0)}", *added]) if added else self.target
        )


def _check_header(name: str, value: str) -> None:
    check_header_name(name)
    if name.lower() in _CREDENTIAL_HEADERS:
        raise ValueError(
            f"the header {name} carries a credential: it belongs in the adapter's credential, whose headers are "
            "redacted"
        )
    check_header_value(name, value)


def check_header_name(name: str) -> None:
    """Refuse what is not the name of a header, and the headers that are set by others.

    Raises:
        ValueError: it is one of them.
    """
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header")
    if name.lower() in _TRANSPORT_HEADERS:
        raise ValueError(f"the header {name} is set by what sends the request")
    if name.lower() in _REQUEST_HEADERS:
        raise ValueError(f"the header {name} is set by the request's accept, or by the kind of its body")


def check_header_value(name: str, value: str) -> None:
    """Reject what cannot be used in a header: above all the end of a line, after which a second header could follow.

    Raises:
        InvalidInput: it is not printable ASCII, or has leading or trailing whitespace.
        TypeError: it is not text.
    """
    if not isinstance(value, str):
        # This includes a Secret: it belongs in the credential.
        raise TypeError(f"the header {name} is {type(value).__name__}, not text")
    if not (value.isascii() and (value.isprintable() or not value)) or value != value.strip():
        raise InvalidInput(
            f"the header {name} is {format_value(value)}, which cannot be sent",
            hint="Give printable ASCII without leading or trailing whitespace.",
            argument=name,
            value=format_value(value),
        )


@define
class Reply:
    """An HTTP response. Header names are in lower case.

    Attributes:
        cut: only for an error status (from 400): why `body` is not whole, such as `truncated`; None if it is.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: str | None = None
    _decoded: list[Any] = field(factory=list, init=False, repr=False, eq=False)

    def json(self) -> Any:
        """Return the body's JSON, decoded once: `detect_error` and `parse` both read it.

        Raises:
            InvalidResponse: the body is empty, not labelled as JSON, or not strictly JSON.
        """
        if not self._decoded:
            self._decoded.append(self._decode())
        return self._decoded[0]

    def envelope(self) -> dict[str, Any] | None:
        """Return the body's JSON if it is an object, otherwise None; never raises: for `detect_error`.

        A body may be empty, cut, or a proxy's page in HTML, and must not hide the status, which is what matters.
        """
        with suppress(InvalidResponse):
            value = self.json()
            return value if isinstance(value, dict) else None
        return None

    def _decode(self) -> Any:
        if not self.body:
            raise InvalidResponse("the answer's body is empty", kind="json")
        if not self.is_json:
            label = self.headers.get("content-type", "")
            raise InvalidResponse(
                f"the answer is labelled {format_value(label)} instead of application/json",
                hint="A proxy or a sign-in page may be in between; check base_url and the network.",
                kind="content_type",
                excerpt=excerpt(self.body),
            )
        return decode_json(self.body)

    @property
    def plain_text(self) -> str:
        """The beginning of a body that is labelled as plain text, as many error pages of proxies and frameworks are."""
        label = self.headers.get("content-type", "").lower()
        return excerpt(self.body) if label.startswith("text/plain") else ""

    @property
    def is_page(self) -> bool:
        """Whether the answer is labelled as HTML, as those of proxies and sign-in pages are."""
        return self.headers.get("content-type", "").lower().lstrip().startswith(("text/html", "application/xhtml"))

    @property
    def is_json(self) -> bool:
        """Whether the answer is labelled as JSON."""
        label = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return label == "application/json" or (label.startswith("application/") and label.endswith("+json"))


def _to_text(value: object) -> str:
    # A value in a vendor's error may be of any type, and must not hide the error.
    return value if isinstance(value, str) else "" if value is None else str(value)


def _to_text_or_none(value: object) -> str | None:
    return None if value is None else _to_text(value)


def _to_seconds(value: object) -> float | None:
    """Return a number of seconds, or None for anything else: a vendor may send any value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


@frozen(kw_only=True)
class ErrorResponse:
    """An error that the vendor reports, as its adapter reads it.

    Attributes:
        status: that of the vendor's envelope in the body if it has one, otherwise HTTP's.
        means: the status to treat it as, if the vendor's own is misleading.
        message: the vendor's own message.
        code: the vendor's own error code, such as `not_authenticated`.
        argument: for an invalid request: the field that the vendor names, such as `query.message`.
        what: what a 404 did not find: `bot`, `project`, `thread`, `answer` or `route`.
        envelope_status: the status in the body, if it has one.
        http_status: HTTP's own, if `status` is the envelope's.
        hint: what to do, if the adapter knows more than the status says.
        retry: False if the request must not be sent again, whatever the status says, such as for a day's quota.
        retry_after: seconds after which the vendor would accept the same request, even where the status alone means
            that it is not sent again; None to leave it to the status and the header `Retry-After`. Anything but a
            number of seconds counts as None.
    """

    status: int = field()
    means: int | None = field(default=None)
    message: str = field(default="", converter=_to_text)
    code: str | None = field(default=None, converter=_to_text_or_none)
    argument: str | None = field(default=None, converter=_to_text_or_none)
    what: str | None = None
    envelope_status: int | None = None
    http_status: int | None = None
    hint: str = ""
    retry: bool = True
    retry_after: float | None = field(default=None, converter=_to_seconds)

    @status.validator
    def _check_status(self, _: object, status: int) -> None:
        if isinstance(status, bool) or not isinstance(status, int):
            raise TypeError(f"a status is an int, not {type(status).__name__}")

    @means.validator
    def _check_means(self, attribute: object, means: int | None) -> None:
        if means is not None:
            self._check_status(attribute, means)
