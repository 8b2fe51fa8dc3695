"""Owns: how much there is of each workflow: instances, questions, exceptions, what waits longest.
Imports: infra.store, runtime.outlook.
Never: looks at an instance of its own; each count is over what is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.infra.store.reader import Reader
from router.runtime.outlook import minute

Workload = dict[str, dict[str, Any]]


def workload_of(reader: Reader) -> Workload:
    """Return by workflow: instances going by label, tasks, exceptions, parked and ambiguous events,
    the oldest wait.
    """
    found: Workload = {}
    seen = reader.overview
    for (workflow, label), n in seen.going().items():
        _of(found, workflow)["going"][label] = n
    for (workflow, role), n in seen.open_tasks().items():
        _of(found, workflow)["tasks"][role] = n
    for (workflow, category), n in seen.open_exceptions().items():
        _of(found, workflow)["exceptions"][category] = n
    for workflow, n in seen.parked_by_workflow().items():
        _of(found, workflow)["parked"] = n
    for workflow, n in seen.ambiguous_by_workflow().items():
        _of(found, workflow)["ambiguous"] = n
    for workflow, since in seen.oldest_waits().items():
        _of(found, workflow)["oldest_wait"] = since
    return dict(sorted(found.items()))


def _of(found: Workload, workflow: str) -> dict[str, Any]:
    empty = {"going": {}, "tasks": {}, "exceptions": {}, "parked": 0}
    empty |= {"ambiguous": 0, "oldest_wait": None}
    return found.setdefault(workflow, empty)


def workload_lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each workflow that has something going, or waiting for somebody."""
    for name, one in found.items():
        going = ", ".join(f"{n} {label}" for label, n in sorted(one["going"].items()))
        parts = [going or "nothing going"]
        for word in ("tasks", "exceptions"):
            by = ", ".join(f"{n} {who}" for who, n in sorted(one[word].items()))
            parts += [f"{word}: {by}"] if by else []
        parts += [f"{one['parked']} parked"] if one["parked"] else []
        parts += [f"{one['ambiguous']} ambiguous"] if one["ambiguous"] else []
        if one["oldest_wait"]:
            parts.append(f"waits since {minute(one['oldest_wait'])}")
        yield f"workflow {name}: {'; '.join(parts)}"
