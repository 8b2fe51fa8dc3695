"""Owns: what operations ask a daemon: is it there, can it take deliveries, its metrics.
Imports: Starlette, infra.metrics, runtime.
Never: says anything of a message.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.api.refusals import store_away
from router.core.errors import Unavailable
from router.infra.metrics import CONTENT_TYPE, Measures
from router.runtime.gauges import families
from router.runtime.wiring import Parts

#: gives what runs at this moment: a reload may change it
Current = Callable[[], Parts]


def make_probes(parts: Current, measures: Measures) -> Starlette:
    """Return the application for operations: `/metrics`, `/healthz` and `/readyz`."""

    async def metrics(_request: Request) -> Response:
        return Response(await run_in_threadpool(_text, parts(), measures), media_type=CONTENT_TYPE)

    return Starlette(routes=[*health(parts), Route("/metrics", metrics, methods=["GET"])])


def health(parts: Current) -> list[Route]:
    """Return the two questions of who starts and stops daemons."""

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def ready(_request: Request) -> Response:
        """Say whether deliveries can be stored."""
        current = parts()
        try:
            await run_in_threadpool(_look, current)
        except Unavailable:
            return store_away()
        trouble = current.carriage.trouble if current.carriage is not None else ""
        told = {"commands": trouble} if trouble else {}  # they wait in the store
        return JSONResponse({"ready": True, "revision": current.project.revision, **told})

    return [
        Route("/healthz", healthy, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
    ]


def _look(parts: Parts) -> None:
    with parts.store.read() as reader:
        reader.next_due()


def _text(parts: Parts, measures: Measures) -> bytes:
    return measures.text(families(parts.store, parts.project.revision, parts.clock.now()))
