"""HTTP messages as values: the request that an operation sends, the reply, and the error that a reply may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from attrs import define, field, frozen

from unichat._text.decoding import decode_json, excerpt
from unichat._text.encoding import check_encodable
from unichat._text.printable import quoted
from unichat.errors import InvalidResponse


@frozen
class Request:
    """The HTTP request of an operation.

    Attributes:
        method: `GET` or `POST`.
        path: from the root, with every segment percent-encoded.
        query: pairs in order, not encoded yet; a name may occur more than once.
        body: encoded once, so that every attempt sends the same bytes; None for no body.
        content_type: of the body.
    """

    method: str
    path: str = field()
    query: tuple[tuple[str, str], ...] = field(default=())
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"

    @query.validator
    def _check_query(self, _: object, query: tuple[tuple[str, str], ...]) -> None:
        for name, value in query:
            check_encodable(name, value)

    @path.validator
    def _check_path(self, _: object, path: str) -> None:
        # The address is put before it: without the slash, "@evil.example/" would become the host.
        if not path.startswith("/"):
            raise ValueError(f"a path must begin with a slash, unlike {path!r}")

    @property
    def target(self) -> str:
        """The path with the encoded query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@define
class Reply:
    """A whole HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    _decoded: list[Any] = field(factory=list, init=False, repr=False, eq=False)

    def json(self) -> Any:
        """Return the body's JSON, decoded once: `detect_error` and `parse` both read it.

        Raises:
            InvalidResponse: the body is empty, not labelled as JSON, or not strictly JSON.
        """
        if not self._decoded:
            self._decoded.append(self._decode())
        return self._decoded[0]

    def _decode(self) -> Any:
        if not self.body:
            raise InvalidResponse("the answer's body is empty", kind="json")
        if not self.is_json:
            label = self.headers.get("content-type", "")
            raise InvalidResponse(
                f"the answer is labelled {quoted(label)} instead of application/json",
                hint="A proxy or a sign-in page may stand between; check base_url and the network.",
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
    def is_json(self) -> bool:
        """Whether the answer is labelled as JSON."""
        label = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return label == "application/json" or (label.startswith("application/") and label.endswith("+json"))


@frozen(kw_only=True)
class ErrorResponse:
    """An error that the vendor reports, as its adapter reads it.

    Attributes:
        status: that of the vendor's envelope in the body if it has one, otherwise HTTP's.
        means: the status to treat it as, if the vendor's own is misleading.
        message: the vendor's own words.
        code: the vendor's own error code, such as `not_authenticated`.
        argument: for an invalid request: the field that the vendor names, such as `query.message`.
        what: what a 404 did not find: `bot`, `project`, `thread`, `answer` or `route`.
        envelope_status: the status in the body, if it has one.
        http_status: HTTP's own, if `status` is the envelope's.
        hint: what to do, if the adapter knows more than the status says.
    """

    status: int
    means: int | None = None
    message: str = ""
    code: str | None = None
    argument: str | None = None
    what: str | None = None
    envelope_status: int | None = None
    http_status: int | None = None
    hint: str = ""
