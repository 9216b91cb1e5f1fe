"""One chat call, made by bare HTTP libraries, unichat, and clients of other vendors."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.costs import canned
from bench.costs.contestants import (
    BARE,
    CHAT_PATH,
    HEADERS,
    KEY,
    MESSAGES,
    MODEL,
    QUESTION,
    WITH_ORJSON,
    Factory,
    connect,
    contestant,
    raw_request,
    settings,
)


@contestant("chat", BARE, "requests")
def _bare(address: str) -> Callable[[], str]:
    import requests

    session, url = requests.Session(), address + CHAT_PATH
    return lambda: session.post(url, json=QUESTION, headers=HEADERS).json()["answer"]


@contestant("chat", "raw socket", "")
def _raw_socket(address: str) -> Callable[[], str]:
    opened = connect(address)

    def call() -> str:
        # The body is encoded with each call, as all the others do.
        opened.sendall(raw_request(CHAT_PATH, QUESTION))
        return json.loads(opened.recv(65_536).partition(b"\r\n\r\n")[2])["answer"]

    return call


@contestant("chat", "urllib3", "urllib3")
def _urllib3(address: str) -> Callable[[], str]:
    import urllib3

    pool, url = urllib3.PoolManager(), address + CHAT_PATH
    return lambda: pool.request("POST", url, json=QUESTION, headers=HEADERS).json()["answer"]


@contestant("chat", "httpx", "httpx")
def _httpx(address: str) -> Callable[[], str]:
    import httpx

    client, url = httpx.Client(), address + CHAT_PATH
    return lambda: client.post(url, json=QUESTION, headers=HEADERS).json()["answer"]


@contestant("chat", "httpx2", "httpx2")
def _httpx2(address: str) -> Callable[[], str]:
    import httpx2

    client, url = httpx2.Client(), address + CHAT_PATH
    return lambda: client.post(url, json=QUESTION, headers=HEADERS).json()["answer"]


def _unichat(backend: str) -> Factory:
    def factory(address: str) -> Callable[[], str]:
        import unichat

        client = unichat.connect(backend, **settings(backend, address))
        return lambda: client.chat(canned.QUESTION, user=canned.USER).text

    return factory


for _backend in ("kapa", "kadal"):
    contestant("chat", f"unichat, {_backend.title()}", "unichat-bridge")(_unichat(_backend))
contestant("chat", f"unichat, Kapa{WITH_ORJSON}", "orjson")(_unichat("kapa"))


@contestant("chat", "unichat's own transport", "unichat-bridge")
def _transport(address: str) -> Callable[[], str]:
    """The transport without policy, models and adapter: the request that a chat call sends, and the answer's JSON."""
    import unichat
    from unichat.transport.base import Deadline

    client = unichat.connect("kapa", **settings("kapa", address))
    transport = client._transport
    sent: list[tuple[Any, Any]] = []
    send = transport.send

    def record(*args: Any, **kwargs: Any) -> Any:
        sent.append((args, kwargs))
        return send(*args, **kwargs)

    transport.send = record  # type: ignore[method-assign]
    client.chat(canned.QUESTION, user=canned.USER)
    del transport.send
    ((args, kwargs),) = sent

    def call() -> str:
        deadline = Deadline(120.0, time.monotonic)
        fresh = [deadline if isinstance(each, Deadline) else each for each in args]
        return json.loads(send(*fresh, **kwargs).body)["answer"]

    return call


@contestant("chat", "openai", "openai")
def _openai(address: str) -> Callable[[], str]:
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=f"{address}/v1")
    return lambda: client.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content


@contestant("chat", "aisuite", "aisuite")
def _aisuite(address: str) -> Callable[[], str]:
    import aisuite

    client = aisuite.Client({"openai": {"api_key": KEY, "base_url": f"{address}/v1"}})
    model = f"openai:{MODEL}"
    return lambda: client.chat.completions.create(model=model, messages=MESSAGES).choices[0].message.content


@contestant("chat", "langchain-openai", "langchain-openai")
def _langchain_openai(address: str) -> Callable[[], str]:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=MODEL, base_url=f"{address}/v1", api_key=KEY)
    return lambda: model.invoke(canned.QUESTION).content


@contestant("chat", "unichat, Kapa's retrieval", "unichat-bridge")
def _unichat_retrieval(address: str) -> Callable[[], str]:
    import unichat

    client = unichat.connect("kapa", **settings("kapa", address))
    return lambda: client.run(client.operations.retrieval(query=canned.QUESTION)).items[0].content


@contestant("chat", "langchain-kapa-ai, retrieval", "langchain-kapa-ai")
def _langchain_kapa(address: str) -> Callable[[], str]:
    from langchain_kapa_ai import KapaRetriever

    retriever = KapaRetriever(**settings("kapa", address))
    return lambda: retriever.invoke(canned.QUESTION)[0].page_content


@contestant("chat", "langchain-kapa-ai, client kept", "langchain-kapa-ai")
def _langchain_kapa_reuse(address: str) -> Callable[[], str]:
    import httpx
    from langchain_kapa_ai import KapaRetriever

    retriever = KapaRetriever(**settings("kapa", address), http_client=httpx.Client())
    return lambda: retriever.invoke(canned.QUESTION)[0].page_content


@contestant("chat", "litellm", "litellm")
def _litellm(address: str) -> Callable[[], str]:
    import litellm

    model, base = f"openai/{MODEL}", f"{address}/v1"
    return lambda: (
        litellm.completion(model=model, messages=MESSAGES, api_base=base, api_key=KEY).choices[0].message.content
    )


@contestant("chat", "any-llm", "any-llm-sdk")
def _any_llm(address: str) -> Callable[[], str]:
    import any_llm

    where = {"provider": "openai", "api_base": f"{address}/v1", "api_key": KEY}
    return lambda: any_llm.completion(model=MODEL, messages=MESSAGES, **where).choices[0].message.content


@contestant("chat", "any-llm, client kept", "any-llm-sdk")
def _any_llm_reuse(address: str) -> Callable[[], str]:
    from any_llm import AnyLLM

    client = AnyLLM.create("openai", api_key=KEY, api_base=f"{address}/v1")
    return lambda: client.completion(model=MODEL, messages=MESSAGES).choices[0].message.content


# One chat call, async


@contestant("async chat", BARE, "requests")
def _bare_again(address: str) -> Callable[[], str]:
    return _bare(address)


@contestant("async chat", "aiohttp", "aiohttp", built_in_loop=True)
def _aiohttp(address: str) -> Callable[[], Awaitable[str]]:
    import aiohttp

    session, url = aiohttp.ClientSession(), address + CHAT_PATH

    async def call() -> str:
        async with session.post(url, json=QUESTION, headers=HEADERS) as response:
            return (await response.json())["answer"]

    return call


@contestant("async chat", "async httpx", "httpx", built_in_loop=True)
def _async_httpx(address: str) -> Callable[[], Awaitable[str]]:
    import httpx

    client, url = httpx.AsyncClient(), address + CHAT_PATH

    async def call() -> str:
        return (await client.post(url, json=QUESTION, headers=HEADERS)).json()["answer"]

    return call


@contestant("async chat", "async httpx2", "httpx2", built_in_loop=True)
def _async_httpx2(address: str) -> Callable[[], Awaitable[str]]:
    import httpx2

    client, url = httpx2.AsyncClient(), address + CHAT_PATH

    async def call() -> str:
        return (await client.post(url, json=QUESTION, headers=HEADERS)).json()["answer"]

    return call


def _async_unichat(backend: str) -> Factory:
    def factory(address: str) -> Callable[[], Awaitable[str]]:
        import unichat

        client = unichat.connect_async(backend, **settings(backend, address))

        async def call() -> str:
            return (await client.chat(canned.QUESTION, user=canned.USER)).text

        return call

    return factory


for _backend in ("kapa", "kadal"):
    contestant("async chat", f"async unichat, {_backend.title()}", "unichat-bridge", built_in_loop=True)(
        _async_unichat(_backend)
    )
contestant("async chat", f"async unichat, Kapa{WITH_ORJSON}", "orjson", built_in_loop=True)(_async_unichat("kapa"))


@contestant("async chat", "async unichat's own transport", "unichat-bridge", built_in_loop=True)
def _async_transport(address: str) -> Callable[[], Awaitable[str]]:
    """The transport without policy, models and adapter, as in the sync table."""
    import unichat
    from unichat.transport.base import Deadline

    client = unichat.connect_async("kapa", **settings("kapa", address))
    transport = client._transport
    sent: list[tuple[Any, Any]] = []
    send = transport.send

    async def record(*args: Any, **kwargs: Any) -> Any:
        sent.append((args, kwargs))
        return await send(*args, **kwargs)

    async def call() -> str:
        if not sent:
            transport.send = record  # type: ignore[method-assign]
            await client.chat(canned.QUESTION, user=canned.USER)
            del transport.send
        args, kwargs = sent[0]
        deadline = Deadline(120.0, time.monotonic)
        fresh = [deadline if isinstance(each, Deadline) else each for each in args]
        return json.loads((await send(*fresh, **kwargs)).body)["answer"]

    return call


@contestant("async chat", "async openai", "openai", built_in_loop=True)
def _async_openai(address: str) -> Callable[[], Awaitable[str]]:
    import openai

    client = openai.AsyncOpenAI(api_key=KEY, base_url=f"{address}/v1")

    async def call() -> str:
        return (await client.chat.completions.create(model=MODEL, messages=MESSAGES)).choices[0].message.content

    return call


@contestant("async chat", "async litellm", "litellm", built_in_loop=True)
def _async_litellm(address: str) -> Callable[[], Awaitable[str]]:
    import litellm

    model, base = f"openai/{MODEL}", f"{address}/v1"

    async def call() -> str:
        answer = await litellm.acompletion(model=model, messages=MESSAGES, api_base=base, api_key=KEY)
        return answer.choices[0].message.content

    return call


@contestant("async chat", "async langchain-openai", "langchain-openai", built_in_loop=True)
def _async_langchain_openai(address: str) -> Callable[[], Awaitable[str]]:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=MODEL, base_url=f"{address}/v1", api_key=KEY)

    async def call() -> str:
        return (await model.ainvoke(canned.QUESTION)).content

    return call
