"""Owns: looking into a store beside its daemon.
Imports: cli.common, infra.store.
Never: writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from router.cli.common import choose, fail, store_of
from router.config.project import Project
from router.core.errors import Unavailable
from router.infra.store.reader import Reader
from router.infra.store.store import Store


@contextmanager
def reading(project: Project, environment: str) -> Iterator[Reader]:
    """Give a reader of an environment's store; end the command when it cannot be read."""
    database = store_of(project, choose(project, environment))
    try:
        with Store.to_read(database).read() as reader:
            yield reader
    except Unavailable as error:
        fail(str(error))


def has_store(project: Project, environment: str) -> bool:
    """Return whether an environment's store was made; end the command when it is away."""
    try:
        return store_of(project, choose(project, environment)).exists()
    except Unavailable as error:
        fail(str(error))


def is_running(project: Project, environment: str) -> bool:
    """Return whether a daemon runs on an environment's store; end the command when it is away."""
    try:
        return store_of(project, choose(project, environment)).is_held()
    except Unavailable as error:
        fail(str(error))
