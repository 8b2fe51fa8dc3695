"""Owns: answers that say no.
Imports: Starlette.
Never: tells a stranger more than what to do.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

#: headers: a moment later it may be otherwise
SOON = {"retry-after": "2"}


def refuse(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal in one sentence."""
    return JSONResponse({"error": text}, status_code=status, headers=headers)


def store_away() -> Response:
    """Return the refusal of a daemon that cannot store."""
    return refuse(503, "the store is away", SOON)
