"""Owns: addresses of a broker: what of them may be shown, which node of a cluster is tried next.
Imports: core.
Never: shows a password; connects.
"""

from __future__ import annotations

from itertools import cycle
from urllib.parse import urlsplit

from router.core.errors import Unavailable


def address_of(text: str) -> str:
    """Return what of an address may be shown. Raises Unavailable when it is none."""
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
        raise Unavailable("the address of the broker is none: amqp://user:password@host:5672/vhost")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}/{parts.path.removeprefix('/')}"


class Nodes:
    """The nodes of a broker, as one address each, with `;` between them. For one thread."""

    def __init__(self, text: str) -> None:
        self._all = [one.strip() for one in text.split(";") if one.strip()] or [""]
        self._nodes = cycle(self._all)

    @property
    def name(self) -> str:
        """Return what may be shown. Raises Unavailable when one of them is no address."""
        return "; ".join(address_of(one) for one in self._all)

    def next(self) -> str:
        """Return the address to try now: each time the next one, from the first on."""
        return next(self._nodes)
