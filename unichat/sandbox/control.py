"""The control of a sandbox from another process: over loopback, with a secret that its control file has."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import asdict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from unichat.sandbox.errors import SandboxError, unknown_simulator
from unichat.sandbox.json_bodies import InvalidJson, read_json
from unichat.sandbox.quirk_values import list_quirks, set_quirk
from unichat.sandbox.simulator import Simulator


class ControlApp:
    """An ASGI app that sets the faults and quirks of simulators, and says what requests they saw.

    `POST /ACTION` with a JSON object of arguments; the answer is JSON. Without the secret, it is a 401.
    """

    def __init__(self, simulators: Mapping[str, Simulator]) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._simulators = simulators
        self._actions: dict[str, Callable[..., Any]] = {
            "/fail": self._fail,
            "/quirk": self._set_quirk,
            "/quirks": self._list_quirks,
            "/requests": self._list_requests,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.secret}".encode()):
            return JSONResponse({"error": "the secret of the sandbox is missing or wrong"}, 401)
        action = self._actions.get(request.url.path)
        if action is None or request.method != "POST":
            return JSONResponse({"error": f"there is no {request.method} {request.url.path}"}, 404)
        try:
            arguments = read_json(await request.body())
            return JSONResponse(action(**arguments))
        except (SandboxError, InvalidJson, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)

    def _find(self, backend: str) -> Simulator:
        if backend not in self._simulators:
            raise unknown_simulator(backend, self._simulators)
        return self._simulators[backend]

    def _fail(self, backend: str, fault: str | None = None, times: int | None = 1, clear: bool = False) -> Any:
        faults = self._find(backend).faults
        if clear:
            faults.clear()
        if fault is not None:
            faults.add(fault, times)
        return faults.describe()

    def _set_quirk(self, backend: str, name: str, value: object) -> Any:
        set_quirk(self._find(backend), name, value)
        return {}

    def _list_quirks(self) -> Any:
        return {name: list_quirks(self._simulators[name]) for name in sorted(self._simulators)}

    def _list_requests(self, backend: str | None = None) -> Any:
        names = sorted(self._simulators) if backend is None else [self._find(backend).name]
        return [
            {"backend": name, **asdict(each), "headers": dict(each.headers), "body": each.body.decode(errors="replace")}
            for name in names
            for each in list(self._simulators[name].requests)
        ]


class ControlFile:
    """The file that says where a sandbox is controlled, and by which secret: readable by its owner alone."""

    def __init__(self, path: Path, url: str, secret: str) -> None:
        self._path = path
        self._text = json.dumps({"url": url, "secret": secret})
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made anew: the one of another sandbox may be open, or have other rights.
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(self._text)
        except OSError as error:
            raise SandboxError(f"the control file {path} cannot be written ({error.strerror})") from error

    def remove(self) -> None:
        """Remove the file, unless it is that of another sandbox by now."""
        with suppress(OSError):
            if self._path.read_text(encoding="utf-8") == self._text:
                self._path.unlink()
