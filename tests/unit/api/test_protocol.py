"""A head that does not come to its end is cut off, by its bytes and by its time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn

from router.api import protocol
from router.api.protocol import BoundedProtocol

HANG = 20.0


async def served(send: Any) -> bytes:
    """Return everything that a server answers to what `send` writes, until it closes."""

    async def app(_scope: Any, _receive: Any, reply: Any) -> None:
        await reply({"type": "http.response.start", "status": 200, "headers": []})
        await reply({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_level="critical", port=0)
    config.load()
    server = uvicorn.Server(config)
    started = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await send(writer)
        return await asyncio.wait_for(reader.read(), HANG)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        server.should_exit = True
        await started


def test_a_head_that_never_ends_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST /in/x HTTP/1.1\r\nhost: x\r\nx-a: b\r\n")
        await writer.drain()

    assert asyncio.run(served(send)) == b""


def test_a_whole_request_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 5.0)

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        await writer.drain()

    assert asyncio.run(served(send)).startswith(b"HTTP/1.1 200")


def test_a_head_without_measure_is_refused() -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nx-a: " + b"k" * (2 * protocol.MAX_HEAD))
        await writer.drain()

    answer = asyncio.run(served(send))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
