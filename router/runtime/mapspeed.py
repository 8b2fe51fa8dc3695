"""Owns: measuring the maps of a project beside the jmespath library over the same documents.
Imports: config.transforms, runtime.cases, runtime.scenarios.
Never: claims a figure of its own: both run in turn in one process, in CPU of this thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from router.config.project import Project
from router.config.transforms.expressions import Scope
from router.config.transforms.library import Run, Tape, generated, walked
from router.config.transforms.transform import Transform
from router.core.errors import MessageError
from router.runtime.cases import Rig, run_cases
from router.runtime.scenarios import run_scenarios

#: documents of one map that are measured: the first that the tests bring
DOCUMENTS = 20
#: CPU that one measurement takes at least, in nanoseconds: well above what the clock can tell
LEAST_NS = 1_500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Microseconds of CPU a document, one figure a repeat: the library, and generated code."""

    library: tuple[float, ...]
    generated: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of library / generated, repeat by repeat."""
        both = zip(self.library, self.generated, strict=True)
        return statistics.median(theirs / ours for theirs, ours in both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One map over its documents: whole, and with the bodies of our functions stubbed."""

    name: str
    documents: int
    whole: Pair
    stubbed: Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpeed:
    """All maps, by name; `without` have no document that they take in any test."""

    maps: tuple[Measured, ...]
    without: tuple[str, ...]

    @property
    def whole(self) -> float:
        """Return the median ratio over the maps as they are."""
        return statistics.median(one.whole.ratio for one in self.maps)

    @property
    def stubbed(self) -> float:
        """Return the median ratio over the maps with stubbed functions."""
        return statistics.median(one.stubbed.ratio for one in self.maps)


class UnlikeError(Exception):
    """The library and generated code give different documents; the text names the map."""


def measure_maps(rig: Rig, repeats: int) -> MapSpeed:
    """Run the project's tests for the documents that its maps get, then every map over its own.

    The project cannot be used afterwards: its transforms are listened to. Raises UnlikeError.
    """
    given = _given(rig)
    maps = rig.project.transforms
    measured = [
        _measured(maps[name], scopes, repeats) for name, scopes in sorted(given.items()) if scopes
    ]
    without = tuple(name for name, scopes in sorted(given.items()) if not scopes)
    return MapSpeed(maps=tuple(measured), without=without)


def _given(rig: Rig) -> dict[str, list[Scope]]:
    """Return the roots that each map gets in tests, without those that it refuses."""
    project: Project = rig.project
    maps = {name: one for name, one in project.transforms.items() if one.file.map is not None}
    found: dict[str, list[Scope]] = {name: [] for name in maps}

    def keeper(kept: list[Scope]) -> Callable[[Scope], None]:
        return lambda scope: kept.append(dict(scope)) if len(kept) < DOCUMENTS else None

    for name, transform in maps.items():
        transform.watch(keeper(found[name]))
    for _ in (*run_cases(rig), *run_scenarios(project)):
        pass
    # what is kept grows when a map runs again
    given = {name: tuple(kept) for name, kept in found.items()}
    return {name: _taken(maps[name], scopes) for name, scopes in given.items()}


def _taken(transform: Transform, scopes: tuple[Scope, ...]) -> list[Scope]:
    taken = []
    for scope in scopes:
        try:
            transform(scope)
        except MessageError:
            continue
        taken.append(scope)
    return taken


def _measured(transform: Transform, scopes: Sequence[Scope], repeats: int) -> Measured:
    ours, theirs = generated(transform.file), walked(transform.file)
    _alike(transform.name, ours, theirs, scopes)
    bare, slow = (_stubbed(make, transform, scopes) for make in (generated, walked))
    _alike(transform.name, bare, slow, scopes)
    return Measured(
        name=transform.name,
        documents=len(scopes),
        whole=_pair(theirs, ours, scopes, repeats),
        stubbed=_pair(slow, bare, scopes, repeats),
    )


def _stubbed(make: Callable[..., Run], transform: Transform, scopes: Sequence[Scope]) -> Run:
    """Return a map whose functions give what they gave over the same documents in their order."""
    tape = Tape()
    recorded = make(transform.file, tape.recording)
    for scope in scopes:
        recorded(scope)
    tape.play()
    made: Run = make(transform.file, tape.playing)
    return made


def _alike(name: str, ours: Run, theirs: Run, scopes: Sequence[Scope]) -> None:
    for number, scope in enumerate(scopes, start=1):
        if ours(scope) != theirs(scope):
            raise UnlikeError(f"{name}: document {number} of the tests is mapped in two ways")


def _pair(theirs: Run, ours: Run, scopes: Sequence[Scope], repeats: int) -> Pair:
    """Measure both in turn."""
    runs = [(run, _rounds(run, scopes)) for run in (theirs, ours)]
    figures = [[_cpu(run, scopes, rounds) for run, rounds in runs] for _ in range(repeats)]
    return Pair(
        library=tuple(one for one, _ in figures), generated=tuple(one for _, one in figures)
    )


def _rounds(run: Run, scopes: Sequence[Scope]) -> int:
    """Return how often all documents go through so that the clock can tell."""
    once = _cpu(run, scopes, 3) * len(scopes) * 1e3
    return max(1, round(LEAST_NS / once))


def _cpu(run: Run, scopes: Sequence[Scope], rounds: int) -> float:
    """Return microseconds of CPU a document."""
    begun = time.thread_time_ns()
    for _ in range(rounds):
        for scope in scopes:
            run(scope)
    return (time.thread_time_ns() - begun) / (rounds * len(scopes)) / 1e3
