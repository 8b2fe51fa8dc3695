"""Owns: the definitions of workflows by their marks: that of the running project, and earlier ones.
Imports: config, infra.store, runtime.revisions.
Never: lets an instance go on by another definition than its own.
"""

from __future__ import annotations

from router.config.project import Project
from router.config.workflow.workflow import Workflow
from router.infra.store.reader import Reader
from router.runtime.revisions import Revisions


class Definitions:
    """Gives definitions. One thread at a time calls its methods."""

    def __init__(self, project: Project, revisions: Revisions) -> None:
        self.project = project
        self._revisions = revisions
        self._known = {one.mark: one for one in project.workflows.values()}

    def current(self, workflow: str) -> Workflow | None:
        """Return the definition by which new instances go, None when there is none any more."""
        return self.project.workflows.get(workflow)

    def by_mark(self, mark: str, workflow: str, reader: Reader) -> Workflow | None:
        """Return a definition by its mark, None when it is not to be had. Raises Unavailable."""
        if mark not in self._known:
            revision = reader.instances.revision_of(mark)
            project = self._revisions.get(revision, reader) if revision else None
            found = project.workflows.get(workflow) if project is not None else None
            if found is None or found.mark != mark:
                return None
            self._known[mark] = found
        return self._known[mark]
