"""Owns: projects by revision: those that this process ran, and those that the store has kept.
Imports: core, config, infra.store.
Never: gives an old revision that does not load any more (`why_lost` says what is wrong with it).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from router.config.project import Project
from router.core.diagnostics import Diagnostic, Severity
from router.infra.store.reader import Reader
from router.infra.store.store import Store

#: earlier revisions that are held in memory
MOST_HELD = 8

Load = Callable[[Mapping[str, str]], tuple[Project, list[Diagnostic]]]


class Revisions:
    """Gives earlier projects. Safe for many threads; the first look at one reads the store."""

    def __init__(self, store: Store, load: Load) -> None:
        """`load` makes a project of its texts."""
        self._store = store
        self._load = load
        self._held: dict[str, Project] = {}
        self._lost: dict[str, str] = {}
        self._lock = threading.Lock()

    def keep(self, project: Project, at: datetime) -> None:
        """Keep a project for retries and replays, in the store if it is not there yet."""
        self._store.write(
            lambda transaction: transaction.revisions.keep(project.revision, project.texts, at)
        )
        with self._lock:
            self._hold(project)

    def get(self, revision: str, reader: Reader | None = None) -> Project | None:
        """Return the project of a revision, None when it is not to be had. Raises Unavailable.

        Who reads the store already gives its `reader`.
        """
        with self._lock:
            if revision in self._lost:
                return None
            if revision not in self._held:
                self._make(revision, self._texts(revision, reader))
            return self._held.get(revision)

    def why_lost(self, revision: str) -> str:
        """Return why a revision is not to be had, an empty text for one that is."""
        return "" if self.get(revision) is not None else self._lost[revision]

    def held(self) -> Iterable[Project]:
        """Return the projects that are in memory."""
        with self._lock:
            return tuple(self._held.values())

    def _texts(self, revision: str, reader: Reader | None) -> dict[str, str] | None:
        if reader is not None:
            return reader.revisions.texts(revision)
        with self._store.read() as opened:
            return opened.revisions.texts(revision)

    def _make(self, revision: str, texts: Mapping[str, str] | None) -> None:
        if texts is None:
            self._lost[revision] = f"revision {revision} is not kept"
            return
        project, findings = self._load(texts)
        errors = [one for one in findings if one.severity is Severity.ERROR]
        if errors:
            first = errors[0]
            said = f"{first.place} {first.code} {first.message}"
            self._lost[revision] = f"revision {revision} does not load any more: {said}"
            return
        self._hold(replace(project, revision=revision))  # adapters may have changed since

    def _hold(self, project: Project) -> None:
        self._held[project.revision] = project
        while len(self._held) > MOST_HELD:
            del self._held[next(iter(self._held))]
