"""Owns: HTTP ingress: limits, signature, then and only then the delivery.
Imports: Starlette, api.guard, runtime.
Never: parses; answers 202 before the delivery is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.api.guard import Claimed, verify
from router.api.probes import health
from router.api.refusals import SOON, refuse, store_away
from router.config.channels import Channel, HttpSource
from router.core.errors import Draining, Unavailable
from router.core.ports import Secrets
from router.engine.arrival import UNPROVED
from router.infra.store.pending import Pending
from router.runtime.bodies import decode_body
from router.runtime.failpoints import reach
from router.runtime.ingress import Receipt
from router.runtime.wiring import Parts

#: told of a delivery: channel, status, seconds
Answered: TypeAlias = Callable[[str, int, float], None]

#: header lines of a request; more are refused before anything is looked at
MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
#: seconds from the first byte to the last; a slower sender is cut off
BODY_SECONDS = 20.0
#: deliveries that may wait for the disk at once; more are told to come back
MOST_WAITING = 1024
#: a drain lasts until somebody lifts it
DRAINED = {"retry-after": "60"}


def make_app(
    parts: Callable[[], Parts], secrets: Secrets, answered: Answered = lambda *_: None
) -> Starlette:
    """Return the application: the paths of the channels, `/healthz` and `/readyz`.

    `parts` gives what runs at this moment: a reload may change it. `answered` is told of each
    delivery: channel, status, seconds from its first byte.
    """
    desk = _Desk(current=parts, secrets=secrets, answered=answered)
    routes = [
        *health(parts),
        Route("/{path:path}", desk.deliver, methods=["POST"]),
        Route("/{path:path}", desk.other, methods=["GET", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes)


@dataclass(slots=True)
class _Desk:
    """Takes deliveries for every channel."""

    current: Callable[[], Parts]
    secrets: Secrets
    answered: Answered
    waiting: int = 0

    async def deliver(self, request: Request) -> Response:
        """Take a delivery for the channel of the path."""
        begun = monotonic()
        channel = self.current().paths.get(request.url.path)
        if channel is None:
            return refuse(404, "no channel")
        response = await self.take(channel, request)
        self.answered(channel.name, response.status_code, monotonic() - begun)
        return response

    async def other(self, request: Request) -> Response:
        """Refuse what is no delivery."""
        known = request.url.path in self.current().paths
        return refuse(405, "post deliveries") if known else refuse(404, "no channel")

    async def take(self, channel: Channel, request: Request) -> Response:
        """Take a delivery: limits, signature, store."""
        source, parts = channel.source, self.current()
        assert isinstance(source, HttpSource), "only these have a path"
        size = sum(len(name) + len(value) for name, value in request.headers.raw)
        if len(request.headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
            return refuse(431, "too many headers, or too long ones")
        if self.waiting >= MOST_WAITING:
            return refuse(503, "busy", SOON)
        if not parts.ingress.takes(channel.name):
            return refuse(503, "drained: it takes nothing new", DRAINED)
        body = await _body(request, source.body_limit)
        if isinstance(body, Response):
            return body
        headers = {name.lower(): value.strip() for name, value in request.headers.items()}
        headers.pop(UNPROVED, None)
        claimed = Claimed(
            headers=headers,
            body=body,
            at=parts.clock.now(),
            document=lambda: decode_body(channel, body).document,
        )
        verdict = verify(source.verify, claimed, self.secrets)
        if verdict.ping:
            return JSONResponse({"ok": True})  # nothing else: anybody could have sent it
        if not verdict.ok or (verdict.bad and channel.records is None):
            return refuse(401, "not verified")
        if verdict.bad:
            headers[UNPROVED] = ",".join(map(str, verdict.bad))
        self.waiting += 1
        try:
            return await self._store(channel, headers, body)
        finally:
            self.waiting -= 1

    async def _store(self, channel: Channel, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            receipt = await _on_disk(self.current().ingress.receive(channel, headers, body))
            reach("ingress.after_commit")
        except Draining:
            return refuse(503, "drained: it takes nothing new", DRAINED)
        except Unavailable:
            return store_away()
        messages = [
            {"id": message, "correlationid": correlation}
            for message, correlation in receipt.messages[:100]
        ]
        source = channel.source
        if isinstance(source, HttpSource) and source.answer:
            return Response(source.answer, status_code=202, media_type="text/plain")
        first = messages[0]["correlationid"] if messages else receipt.delivery
        return JSONResponse(
            {"delivery": receipt.delivery, "correlationid": first, "messages": messages},
            status_code=202,
        )


async def _on_disk(pending: Pending[Receipt]) -> Receipt:
    """Return the receipt of a delivery once it is on disk. Raises what its job raised."""
    loop, there = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the server has ended meanwhile, and nobody waits
            loop.call_soon_threadsafe(there.set)

    pending.when_done(tell)
    await there.wait()
    return pending.result()


async def _body(request: Request, limit: int) -> bytes | Response:
    """Return the whole body, or the refusal: too large, too slow, compressed, cut off."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        return refuse(415, "send the body uncompressed")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        return refuse(413, f"more than {limit} bytes")
    made = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                made += part
                if len(made) > limit:
                    return refuse(413, f"more than {limit} bytes")
    except TimeoutError:
        return refuse(408, "too slow")
    except ClientDisconnect:
        return refuse(400, "cut off")
    return bytes(made)
