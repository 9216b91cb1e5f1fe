"""A session of `requests` for one host, over connections that know how far a request has come."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

import unichat
from unichat.transport.guard import check_host
from unichat.transport.requests.pool import POOLS, TrackingPool
from unichat.transport.requests.progress import current


class RequestHeaders(CaseInsensitiveDict[str]):
    """The headers of a request, by any case, for mocking tools that look at them."""

    def copy(self) -> Any:
        """Return what urllib3 sends: it copies the headers, reads them in order, and looks none up by another case."""
        return dict(self.items())


class TrackingAdapter(HTTPAdapter):
    """Makes tracked connections to one host, through a proxy too: each proxy has a manager of its own."""

    def __init__(self, context: ssl.SSLContext | None, connections: int) -> None:
        self._trust: dict[str, Any] = {} if context is None else {"ssl_context": context}
        self._pool: Any = None
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        """Make the pools, with our connections and our trust."""
        super().init_poolmanager(connections, maxsize, block, **self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def cert_verify(self, *_: Any) -> None:
        """Leave it to the context: requests would name a file besides, which each connection reads again."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the one pool: there is one host, and one way to it."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        if not isinstance(self._pool, TrackingPool) and current.progress is not None:
            # A SOCKS proxy's pool, which does not ask.
            check_host(current.progress.host)
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Return the request's target; requests would parse the URL three times to find it."""
        url = request.url
        if proxies or not url:
            return super().request_url(request, proxies)
        return url[url.index("/", url.index("://") + 3) :]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer without what nobody here reads: no cookies, no guess at an encoding."""
        response = requests.Response()
        response.status_code, response.headers, response.raw, response.request = resp.status, resp.headers, resp, req
        return response

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the proxy's manager, with our connections and our trust."""
        trust = dict(self._trust)
        if trust and not proxy.lower().startswith("socks"):
            trust["proxy_ssl_context"] = trust["ssl_context"]
        manager = super().proxy_manager_for(proxy, **trust, **kwargs)
        # A SOCKS manager keeps its own: its connections alone know the way through the proxy.
        if isinstance(manager, urllib3.ProxyManager):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def close(self) -> None:
        """Close all connections."""
        # Pool by pool: requests and urllib3 only forget them, and a failure's traceback, in a cycle of references,
        # keeps one and its sockets open until the garbage collector comes by.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            keys = manager.pools.keys()
            for key in keys:
                with contextlib.suppress(KeyError):
                    manager.pools[key].close()
        super().close()


def make_session(context: ssl.SSLContext | None, connections: int) -> requests.Session:
    """Return a session that trusts what `context` trusts, and keeps at most so many connections."""
    session = requests.Session()
    adapter = TrackingAdapter(context, connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = f"unichat/{unichat.__version__}"
    return session
