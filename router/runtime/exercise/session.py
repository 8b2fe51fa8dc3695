"""Owns: exercising a whole project as tests: one result a subject, one a kept sample.
Imports: config.project, runtime.cases, runtime.exercise.
Never: calls a system; writes unless failures are to be kept.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.config.project import Project
from router.core.diagnostics import Diagnostic, Place
from router.core.document import Json
from router.runtime.cases import START, Result, Rig
from router.runtime.clock import ManualClock
from router.runtime.exchange import Exchange
from router.runtime.exercise.exercise import Exercised, Found, Gym, Wanted, run
from router.runtime.exercise.kept import Kept, keep, kept_in
from router.runtime.exercise.subjects import Subject, subjects

#: characters of a document that are shown; a kept file has all
SHOWN = 1_000


@dataclass(slots=True)
class Session:
    """One exercise of a project. `words` counts runs by what came of them."""

    rig: Rig
    wanted: Wanted
    #: whether the samples of failures are written beside their contract
    keeps: bool = False
    words: Counter[str] = field(default_factory=Counter)

    def run(self, only: str = "") -> Iterator[Result]:
        """Yield a result for each subject whose name or file holds `only`."""
        project = self.rig.project
        kept = kept_in(project)
        everybody = list(subjects(project, self._exchange(), headers_of(project)))
        yield from _strangers(kept, {one.name for one in everybody}, only)
        gym = Gym(project, self.wanted, examples_of(project))
        for subject in everybody:
            if only in subject.name or only in subject.place.file:
                yield from self._replayed(subject, kept)
                if self.wanted.most:
                    begun = time.perf_counter()
                    seen = gym.exercise(subject)
                    yield self._result(seen, time.perf_counter() - begun)

    def _exchange(self) -> Exchange:
        return Exchange(
            operations=self.rig.project.operations,
            adapters=self.rig.adapters,
            env=dict(self.rig.environment.values),
            clock=ManualClock(START),
        )

    def _replayed(self, subject: Subject, kept: list[Kept]) -> Iterator[Result]:
        """Yield a result for each kept sample: it is refused at the border, or does not fail."""
        for one in kept:
            if one.subject != subject.name or one.sample is None:
                continue
            sound = not subject.accept.violations(one.sample.document)
            trial = run(subject, one.sample) if sound else None
            failure = None if trial is None else trial.failure
            yield Result(
                file=one.file,
                name=f"kept for {subject.name}",
                line=1,
                complaints=() if failure is None else (str(failure.told(subject.name)),),
            )

    def _result(self, seen: Exercised, seconds: float) -> Result:
        self.words.update(seen.words)
        complaints = [line for one in seen.found for line in self._told(seen.subject, one)]
        return Result(
            file=seen.subject.place.file,
            name=f"generated for {seen.subject.name}",
            line=seen.subject.place.line,
            complaints=tuple(complaints),
            seconds=seconds,
        )

    def _told(self, subject: Subject, found: Found) -> Iterator[str]:
        yield str(found.finding)
        if found.finding.code == "E214":
            return
        yield f"  document: {_shown(found.sample.document)}"
        for name, answer in found.sample.answers.items():
            yield f"  answer of {name}: {_shown(answer)}"
        if self.keeps:
            yield f"  kept: {keep(self.rig.project.root, subject, found)}"


def _shown(document: Json) -> str:
    text = json.dumps(document, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ... (--keep writes all of it)"


def _strangers(kept: list[Kept], names: set[str], only: str) -> Iterator[Result]:
    """Yield a failed result for each kept file that cannot be used."""
    for one in kept:
        wrong = one.wrong
        if not wrong and one.subject not in names:
            wrong = f"nobody is called {one.subject}: correct for:, or delete the file"
        if wrong and only in one.file:
            yield Result(
                file=one.file, name="kept", line=1, complaints=(str(_unusable(one.file, wrong)),)
            )


def _unusable(file: str, wrong: str) -> Diagnostic:
    return Diagnostic(code="E215", place=Place(file), message=wrong, hint="router explain E215")


def examples_of(project: Project) -> dict[str, list[Json]]:
    """Return the examples of contracts by reference; what is no document is told elsewhere."""
    return {str(one.ref): list(_examples(project.root, one)) for one in project.contracts.all()}


def _examples(root: Path, contract: Any) -> Iterator[Json]:
    folder = root / "contracts" / contract.ref.name / "examples" / contract.ref.version
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text())
        except ValueError:
            continue
        if not contract.violations(document):
            yield document


def headers_of(project: Project) -> dict[str, Mapping[str, str]]:
    """Return the headers that the tests of each channel give: what its routes can count on."""
    found: dict[str, dict[str, str]] = {}
    for path, file in sorted(project.cases.items()):
        _, folder, name = path.rsplit("/", 2)
        if folder == "channels":
            held = found.setdefault(name.removesuffix(".test.yaml"), {})
            for case in file.tests:
                held.update({key.lower(): one for key, one in case.given.headers.items()})
    return dict(found)
