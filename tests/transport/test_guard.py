"""The guard of a test run, on each transport: it knows the vendor's host, by whichever way requests go there."""

from __future__ import annotations

import pytest
import requests

from tests.loopback import answer_in_turn, http
from unichat.transport.base import Deadline
from unichat.transport.guard import check_hosts
from unichat.transport.requests.progress import SocketProgress, current
from unichat.transport.requests.session import make_session

OK = http(200, b'{"ok": 1}')


class Blocked(AssertionError):
    pass


def refuse(host: str) -> None:
    raise Blocked(host)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY"])
def test_check_hosts_through_a_proxy_on_this_machine_checks_the_vendor(serve, caller_on, monkeypatch, variable):
    proxy = serve(answer_in_turn(OK))
    monkeypatch.setenv(variable, proxy.url)
    url = f"{variable.partition('_')[0].lower()}://vendor.invalid"
    with check_hosts(refuse), caller_on(url) as caller, pytest.raises(Blocked, match=r"^vendor\.invalid$"):
        caller.run()
    assert proxy.accepted == 0


def test_check_hosts_on_a_kept_connection_checks_its_host(serve, caller_on):
    server = serve(answer_in_turn(OK, OK))
    with caller_on(server.url) as caller:
        caller.run()
        with check_hosts(refuse), pytest.raises(Blocked):
            caller.run()
        assert len(server.log) == 1
        assert caller.run() == {"ok": 1}


def test_check_hosts_through_a_proxy_with_connections_of_its_own_checks_the_vendor(monkeypatch):
    class ProxyManager:
        """As that of a SOCKS proxy, whose connections are its own."""

        def connection_from_host(self, **_):
            return object()

    session = make_session(None, 1)
    adapter = session.get_adapter("https://vendor.invalid")
    monkeypatch.setattr(adapter, "proxy_manager_for", lambda *_, **__: ProxyManager())
    monkeypatch.setattr(current, "progress", SocketProgress(Deadline(5.0), "vendor.invalid"), raising=False)
    request = requests.Request("GET", "https://vendor.invalid/").prepare()
    with check_hosts(refuse), pytest.raises(Blocked, match="vendor"):
        adapter.send(request, proxies={"https": "socks5://127.0.0.1:1"})
