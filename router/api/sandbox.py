"""Owns: a sandbox over HTTP, and a look into it at /_sandbox.
Imports: Starlette, runtime.sandbox, infra.codecs.
Never: holds state.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.core.errors import MessageError
from router.infra.codecs import decode_json, encode_json
from router.runtime.sandbox import Sandbox


def make_sandbox_app(sandbox: Sandbox) -> Starlette:
    """Return the application."""

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
        status, answer = sandbox.answer(
            request.method,
            request.url.path,
            dict(request.query_params),
            ({name.lower(): value for name, value in request.headers.items()}, body),
        )
        return _json(status, answer)

    return Starlette(
        routes=[
            Route("/_sandbox", counts),
            Route("/_sandbox/{collection}", documents),
            Route("/{rest:path}", anything, methods=["GET", "POST"]),
        ]
    )


def _json(status: int, document: object) -> Response:
    body = encode_json(document) if document is not None else b""
    return Response(body, status_code=status, media_type="application/json")
