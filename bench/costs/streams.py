"""A streamed answer of 200 records: the whole of it, and its first event."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any

from bench.costs import canned
from bench.costs.contestants import (
    CHAT_PATH,
    FIRST_EVENTS,
    HEADERS,
    KEY,
    MESSAGES,
    MODEL,
    QUESTION,
    WITH_ORJSON,
    Factory,
    contestant,
    settings,
)

LOOP = "split and json.loads alone"
_DELIMITER = "\u241e".encode()


def _text(record: Any) -> str:
    text: str = record["chunk"]["content"].get("text", "")
    return text


@contestant("stream", LOOP, "")
def _cheapest(_: str) -> Callable[[], str]:
    """The cheapest loop over the same bytes: they are in memory, and nothing is checked or kept but the text."""
    body = b"".join(canned.kapa_records())

    def call() -> str:
        return "".join([_text(json.loads(record)) for record in body.split(_DELIMITER) if record])

    return call


@contestant("stream", "requests, split and json.loads", "requests")
def _requests(address: str) -> Callable[[], str]:
    import requests

    session, url = requests.Session(), f"{address}{CHAT_PATH}stream/"

    def call() -> str:
        began = time.perf_counter()
        texts: list[str] = []
        rest = b""
        with session.post(url, json=QUESTION, headers=HEADERS, stream=True) as response:
            for piece in response.iter_content(None):
                *records, rest = (rest + piece).split(_DELIMITER)
                for record in records:
                    _note_first(began, texts)
                    texts.append(_text(json.loads(record)))
        return "".join(texts)

    return call


def _note_first(began: float, texts: list[str]) -> None:
    if not texts:
        FIRST_EVENTS.append(time.perf_counter() - began)


def _read(began: float, texts: Iterable[str]) -> str:
    read: list[str] = []
    for text in texts:
        _note_first(began, read)
        read.append(text)
    return "".join(read)


async def _read_async(began: float, texts: AsyncIterable[str]) -> str:
    read: list[str] = []
    async for text in texts:
        _note_first(began, read)
        read.append(text)
    return "".join(read)


def _unichat(path: str) -> Factory:
    def factory(address: str) -> Callable[[], str]:
        import unichat

        client = unichat.connect("kapa", **settings("kapa", address + path))

        def call() -> str:
            began = time.perf_counter()
            with client.stream(canned.QUESTION, user=canned.USER) as pieces:
                return _read(began, (event.text for event in pieces))

        return call

    return factory


def _async_unichat(address: str) -> Callable[[], Awaitable[str]]:
    import unichat

    client = unichat.connect_async("kapa", **settings("kapa", address))

    async def call() -> str:
        began = time.perf_counter()
        async with client.stream(canned.QUESTION, user=canned.USER) as pieces:
            return await _read_async(began, (event.text async for event in pieces))

    return call


def _openai(path: str) -> Factory:
    def factory(address: str) -> Callable[[], str]:
        import openai

        client = openai.OpenAI(api_key=KEY, base_url=f"{address}{path}/v1")

        def call() -> str:
            began = time.perf_counter()
            with client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True) as chunks:
                return _read(began, (chunk.choices[0].delta.content or "" for chunk in chunks))

        return call

    return factory


def _async_openai(address: str) -> Callable[[], Awaitable[str]]:
    import openai

    client = openai.AsyncOpenAI(api_key=KEY, base_url=f"{address}/stream/v1")

    async def call() -> str:
        began = time.perf_counter()
        async with await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True) as chunks:
            return await _read_async(began, (chunk.choices[0].delta.content or "" async for chunk in chunks))

    return call


contestant("stream", "unichat, Kapa", "unichat-bridge")(_unichat(""))
contestant("stream", "unichat, Kapa, in pieces of 16 KiB", "unichat-bridge")(_unichat("/together"))
contestant("stream", f"unichat, Kapa{WITH_ORJSON}", "orjson")(_unichat(""))
contestant("stream", "openai", "openai")(_openai("/stream"))
contestant("stream", "openai, in pieces of 16 KiB", "openai")(_openai("/together"))
contestant("stream", "async unichat, Kapa", "unichat-bridge", built_in_loop=True)(_async_unichat)
contestant("stream", "async openai", "openai", built_in_loop=True)(_async_openai)
