"""Owns: a sandbox over HTTP, and a look into it at /_sandbox.
Imports: Starlette, runtime.sandbox, infra.codecs.
Never: holds state.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from router.api.events import Events
from router.core.errors import MessageError
from router.infra.codecs import decode_json, encode_json
from router.runtime.sandbox import Said, Sandbox


def make_sandbox_app(sandbox: Sandbox, events: Events) -> Starlette:
    """Return the application; what it is asked may have events."""

    async def counts(_request: Request) -> Response:
        return JSONResponse(sandbox.counts())

    async def documents(request: Request) -> Response:
        name = request.path_params["collection"]
        if name not in sandbox.counts():
            return JSONResponse({"error": f"no collection {name}"}, status_code=404)
        return _json(200, sandbox.documents(name))

    async def anything(request: Request) -> Response:
        raw = await request.body()
        try:
            body = decode_json(raw) if raw else None
        except MessageError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        said = sandbox.answer(
            request.method,
            request.url.path,
            dict(request.query_params),
            ({name.lower(): value for name, value in request.headers.items()}, body),
        )
        events.send(said.events)
        return await _spoken(said)

    async def sent(_request: Request) -> Response:
        return JSONResponse(events.counts())

    return Starlette(
        routes=[
            Route("/_sandbox", counts),
            Route("/_sandbox-events", sent),
            Route("/_sandbox/{collection}", documents),
            Route("/{rest:path}", anything, methods=["GET", "POST"]),
        ]
    )


async def _spoken(said: Said) -> Response:
    """Return the answer, with its fault."""
    fault = said.fault
    if fault is None:
        return _json(said.status, said.body)
    seconds = fault.lasts.total_seconds()
    match fault.kind:
        case "too_many":
            return JSONResponse(
                {"error": "too many requests"}, 429, headers={"retry-after": f"{seconds:.0f}"}
            )
        case "error":
            return JSONResponse({"error": "internal"}, 500)
        case "html":
            return HTMLResponse("<html><body>We are back soon.</body></html>", 503)
        case "half":
            whole = encode_json(said.body)
            return StreamingResponse(
                _broken_off(whole), said.status, headers={"content-length": str(len(whole))}
            )
    await asyncio.sleep(seconds)
    return _json(said.status, said.body)


async def _broken_off(whole: bytes) -> AsyncIterator[bytes]:
    """Give half of a body; the connection is closed then, because more was announced."""
    yield whole[: len(whole) // 2]


def _json(status: int, document: object) -> Response:
    body = encode_json(document) if document is not None else b""
    return Response(body, status_code=status, media_type="application/json")
