"""What a profile's vendor shows when it is asked: whether it is reached, and accepts the key and the ids.

An answer shows something about the key only if it would be another one without the key. So a request that the vendor
did not refuse is sent once more, unsigned: a vendor that answers both alike, such as with a 404 for any path, or a
server that checks no key, has shown nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from attrs import evolve, frozen

from unichat.adapter import Operation
from unichat.adapter.setting_checks import split_base_url
from unichat.client.adapter_calls import build_adapter
from unichat.client.sync_client import Client
from unichat.config import ResolvedBackend
from unichat.connecting import client_for
from unichat.errors import AccessDenied, InvalidInput, InvalidResponse, NotFound, RequestRejected, UnichatError

STAGES = ("reachability", "auth", "ids")
"""What is checked at the vendor, in the order in which a request passes it."""

_WRONG_FORMATS = frozenset({"content_type", "json", "redirect", "shape"})


class Check(NamedTuple):
    """The result of one check: `outcome` is ok, warning, failed or skipped; `detail` says what was found."""

    name: str
    outcome: str
    detail: str


@frozen
class _ProbeResult:
    """A probe that was sent, and its error; None if it succeeded."""

    probe: Operation[Any]
    error: UnichatError | None


def check_vendor(
    resolved: ResolvedBackend, deadline: float | None, describe: Callable[[UnichatError], str]
) -> Iterator[Check]:
    """Run the adapter's probes until one fails, and say of each stage what they show.

    Args:
        resolved: the backend and its settings.
        deadline: seconds for each request; None for that of the settings.
        describe: words an error for the user.
    """
    if deadline is not None:
        resolved = evolve(resolved, settings=evolve(resolved.settings, deadline=deadline))
    address = split_base_url(resolved.settings.base_url)[0]
    with client_for(resolved.backend, resolved.settings) as client:
        sent, failure = _run_probes(client)
        reason = "" if failure is None else describe(failure)
        if not sent:
            yield Check("reachability", "skipped", "" if failure else f"{client.backend} has no request for this")
        elif failure is None or _is_from_vendor(failure):
            yield Check("reachability", "ok", f"{address} answers")
        else:
            yield Check("reachability", "failed", f"{address}: {reason}")
            yield from skip_checks(STAGES[1:])
            return
        if isinstance(failure, AccessDenied):
            yield Check("auth", "failed", reason)
            yield from skip_checks(STAGES[2:])
            return
        yield _check_key(resolved, client, sent)
        yield _check_ids(resolved, sent) if failure is None else Check("ids", "failed", reason)


def skip_checks(names: tuple[str, ...]) -> Iterator[Check]:
    """Return the checks of these names as skipped, since one before them failed."""
    return (Check(name, "skipped", "") for name in names)


def _run_probes(client: Client) -> tuple[list[_ProbeResult], UnichatError | None]:
    """Return the probes that were sent, and the error that ended it, if one did."""
    sent: list[_ProbeResult] = []
    try:
        probes = client.probes()
    except UnichatError as error:
        # Such as an id that cannot be sent.
        return sent, error
    for probe in probes:
        sent.append(_ProbeResult(probe, _run(client, probe)))
        if sent[-1].error is not None:
            break
    return sent, sent[-1].error if sent else None


def _run(client: Client, probe: Operation[Any]) -> UnichatError | None:
    try:
        client.run(probe)
    except UnichatError as error:
        return error
    return None


def _is_from_vendor(failure: UnichatError) -> bool:
    """Return whether the vendor's API has answered, and not only some server at its address."""
    if isinstance(failure, NotFound):
        return failure.what != "route"
    return isinstance(failure, AccessDenied | InvalidInput | RequestRejected)


def _check_key(resolved: ResolvedBackend, client: Client, sent: list[_ProbeResult]) -> Check:
    if build_adapter(resolved.backend, resolved.settings).credential is None:
        return Check("auth", "ok", f"{client.backend} needs no key")
    detail = "not shown: no request with the key was sent"
    # The last one went furthest.
    for each in reversed(sent):
        if not each.probe.signed:
            continue
        control = _run(client.with_policy(attempts=1), evolve(each.probe, signed=False))
        if _shows_key(each.error, control):
            return Check("auth", "ok", f"accepted; the answer without the key is {_brief(control)}")
        detail = f"not shown: the answer without the key is {_brief(control)}"
    return Check("auth", "skipped", detail)


def _shows_key(error: UnichatError | None, control: UnichatError | None) -> bool:
    """Return whether the vendor refuses without the key what it does not refuse with it."""
    if isinstance(control, AccessDenied):
        return True
    if isinstance(control, InvalidResponse):
        # Such as a page to log in at.
        return error is None and control.kind in _WRONG_FORMATS
    return error is None and isinstance(control, NotFound | InvalidInput | RequestRejected)


def _brief(error: UnichatError | None) -> str:
    if error is None:
        return "as good"
    return f"HTTP {error.status}" if error.status is not None else error.message


def _check_ids(resolved: ResolvedBackend, sent: list[_ProbeResult]) -> Check:
    names: list[str] = []
    for each in sent:
        with suppress(KeyError):
            names += resolved.backend.endpoints[each.probe.name].from_settings.values()
    if names:
        return Check("ids", "ok", f"accepted: {', '.join(dict.fromkeys(names))}")
    return Check("ids", "skipped", f"{resolved.backend.name} has no request for this")
