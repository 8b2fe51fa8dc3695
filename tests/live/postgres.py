"""Owns: the private PostgreSQL server of the tests.
Imports: runtime.cluster.
Never: takes a port that the system gives to who connects.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from router.core.errors import Unavailable
from router.runtime.cluster import Cluster
from tests.crash.processes import free_port
from tests.live.conftest import absent


class Postgres(Cluster):
    """A running server. Databases are made from a template that is as the caller left it."""

    def __init__(self) -> None:
        try:
            super().__init__(free_port(), shared_buffers="64MB")
        except Unavailable:
            absent("postgresql")

    @contextmanager
    def running(self) -> Iterator[Postgres]:
        """Make a cluster and run it; it has ended afterwards."""
        with super().running():
            yield self
