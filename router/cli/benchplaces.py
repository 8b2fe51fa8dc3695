"""Owns: options that say where `router bench` measures, and what is told when that is not there.
Imports: click, cli.common, infra.secrets.
Never: prints an address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from router.cli.common import fail
from router.core.errors import Unavailable
from router.infra.secrets import ProcessSecrets

place_option = click.option(
    "--on", "place", type=click.Choice(["sqlite", "postgres"]), default="sqlite", show_default=True
)
store_option = click.option(
    "--store", "address", default="", help="A PostgreSQL of yours; without it a private server."
)
broker_option = click.option(
    "--broker", required=True, help="Its address by reference: env:NAME or file:NAME."
)
quorum_option = click.option(
    "--quorum", is_flag=True, help="Quorum queues; by default durable classic ones."
)


def address_of(broker: str) -> str:
    """Return the address that a reference stands for. Raises LookupError."""
    return ProcessSecrets(os.environ, Path("secrets")).get(broker)


def queues_told(*, quorum: bool) -> str:
    """Return what kind of queues is measured, in words."""
    return "quorum queues" if quorum else "durable classic queues"


@contextmanager
def unbroken(broker: str) -> Iterator[None]:
    """End the command when what it measures over is not there; `broker` may be none."""
    absent = _absences() if broker else ()
    try:
        yield
    except Unavailable as error:
        fail(str(error))
    except absent as error:
        fail(f"no broker at {broker}: {type(error).__name__}")


def _absences() -> tuple[type[Exception], ...]:
    """Return what is raised when a broker is not there."""
    from router.infra.amqp.link import Broken  # noqa: PLC0415 (a library that few need)

    return LookupError, OSError, Broken
