"""Owns: a place to listen at, as people write it.
Imports: click.
Never: listens.
"""

from __future__ import annotations

import click

#: a port is a number of sixteen bits
_MOST = 65_535


def place_of(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    """Return the host and the port of `127.0.0.1:8390` or `[::1]:8390`; port 0 is any that is free.

    Raises BadParameter with what to write instead.
    """
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise click.BadParameter(f"{text!r} is no place: write HOST:PORT, as in 127.0.0.1:8390")
    if int(port) > _MOST:
        raise click.BadParameter(f"{port} is no port: one is at most {_MOST}")
    return host.removeprefix("[").removesuffix("]"), int(port)
