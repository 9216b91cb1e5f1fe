"""How the requests of one client are signed: by no header, by one or several, or by the adapter's function."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from unichat.adapter import Credential, Credentials, Request, RequestSigner, Secret
from unichat.adapter.messages import check_header_name
from unichat.adapter.secrets import Signature
from unichat.execution.tokens import Tokens


class Signing:
    """The credentials of one client.

    Attributes:
        parts: in order: the tokens of a header, or a function.
        fixed: the signatures of every request, where they never change; None where they must be found out each time.
        renewable: whether asking again may give another secret.
    """

    def __init__(self, credentials: Credentials, clock: Callable[[], float]) -> None:
        self._credentials: tuple[Credential | RequestSigner, ...]
        if credentials is None:
            self._credentials = ()
        else:
            self._credentials = credentials if isinstance(credentials, tuple) else (credentials,)
        for item in self._credentials:
            if not isinstance(item, Credential) and not callable(item):
                raise TypeError(f"a credential is a Credential or a function, not {type(item).__name__}")
        self.parts = tuple(Tokens(item, clock) if isinstance(item, Credential) else item for item in self._credentials)
        self._headers = frozenset(item.header.lower() for item in self._credentials if isinstance(item, Credential))
        if len(self._headers) < sum(isinstance(part, Tokens) for part in self.parts):
            raise ValueError("two credentials have the same header")
        fixed = [part.fixed for part in self.parts if isinstance(part, Tokens) and part.fixed is not None]
        self.fixed = tuple(fixed) if len(fixed) == len(self.parts) else None
        self.renewable = any(isinstance(part, Tokens) and part.fixed is None for part in self.parts)

    def pace_key(self, base_url: str, secrets: tuple[Secret, ...]) -> Hashable:
        """Return what clients have in common that share a vendor's rate: the address and the credential."""
        credentials = tuple(item for item in self._credentials if isinstance(item, Credential))
        # A function says nothing of itself, but it signs with the secrets of the settings.
        return base_url, credentials, () if len(credentials) == len(self._credentials) else secrets

    def forget(self, refused: tuple[Signature, ...]) -> None:
        """Drop the fetched tokens that the vendor refused, unless others have taken their places already."""
        for part in self.parts:
            if isinstance(part, Tokens):
                for signature in refused:
                    part.forget(signature)

    def check_request(self, request: Request, signatures: tuple[Signature, ...]) -> None:
        """Refuse a request whose own headers stand where a credential's do: they would not be redacted.

        Raises:
            ValueError: it has one.
        """
        if request.headers:
            taken = self._headers | {signature.header.lower() for signature in signatures}
            for name, _ in request.headers:
                if name.lower() in taken:
                    raise ValueError(f"the header {name} is the credential's")


def sign_by(signer: RequestSigner, request: Request) -> tuple[Signature, ...]:
    """Return the signatures that an adapter's function makes.

    Raises:
        TypeError, ValueError, InvalidInput: they are not headers that can be sent.
    """
    signatures = []
    for name, value in signer(request).items():
        check_header_name(name)
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str):
            raise TypeError(f"the header {name} is {type(value).__name__}, not text or a Secret")
        if not (text.isascii() and text.isprintable()) or text != text.strip() or not text:
            # Not shown: it is a secret.
            raise ValueError(f"the header {name} cannot be sent")
        signatures.append(Signature(name, text))
    return tuple(signatures)
