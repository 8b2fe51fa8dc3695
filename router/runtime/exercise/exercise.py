"""Owns: exercising a project: documents are generated for everybody who takes some.
Imports: config.generation, runtime.exercise.
Never: waits, reads a clock: how much is done is bounded by counts, and the same seed does the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from router.config.generation.chance import Ordinary, Seeded
from router.config.generation.documents import Documents
from router.config.generation.shrinking import shrunk
from router.config.project import Project
from router.config.validation import Contract
from router.core.diagnostics import Diagnostic, Place
from router.core.document import Json
from router.runtime.exercise.blame import Failure, unexpected
from router.runtime.exercise.subjects import Subject
from router.runtime.exercise.trial import Sample, Trial

#: failures that are told of one subject; those behind them show when they are mended
MOST_FAILURES = 5
#: documents that are looked at for each that is wanted, where most are another route's
MOST_STRANGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A failure with the smallest sample that shows it."""

    finding: Diagnostic
    sample: Sample


@dataclass(slots=True, kw_only=True)
class Exercised:
    """What came of one subject. `words` counts runs by what came of them."""

    subject: Subject
    found: list[Found] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)

    def count(self, word: str) -> None:
        """Count one run."""
        self.words[word] = self.words.get(word, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How much: documents for each subject, and the seed they are made from."""

    most: int
    seed: str


class Gym:
    """Exercises subjects one after the other; flows get what channels made as well."""

    def __init__(self, project: Project, wanted: Wanted, examples: Mapping[str, Sequence[Json]]):
        """`examples` are documents that hold, by contract."""
        self._project = project
        self._wanted = wanted
        self._examples = examples
        self._made: dict[str, list[Json]] = {}

    def exercise(self, subject: Subject) -> Exercised:
        """Run a subject over generated documents."""
        seen = Exercised(subject=subject)
        failures: dict[tuple[str, Place, str], tuple[Failure, Sample]] = {}
        for sample in self._samples(subject):
            if len(failures) >= MOST_FAILURES:
                break
            if subject.accept.violations(sample.document):
                seen.count("refused at the border")
                continue
            trial = run(subject, sample)
            seen.count(trial.word)
            if trial.failure is not None:
                failures.setdefault(trial.failure.key, (trial.failure, sample))
            self._remember(trial)
        seen.found = [_found(subject, *one) for one in failures.values()]
        seen.found += self._unmade(seen)
        return seen

    def _samples(self, subject: Subject) -> Iterator[Sample]:
        taken = 0
        answers = [self._answers(subject)]
        for number, document in enumerate(self._documents(subject)):
            if not subject.is_meant(document):
                continue
            answers.append(self._answers(subject, number))
            yield Sample(document=document, answers=answers[number % 2 and -1])
            taken += 1
            if taken == self._wanted.most:
                return

    def _documents(self, subject: Subject) -> Iterator[Json]:
        ref = str(subject.accept.ref)
        given = [*self._examples.get(ref, ()), *self._made.get(ref, ())]
        given = [one for one in given if subject.is_meant(one)]
        maker = self._maker(subject.accept, subject)
        yield from given
        yield from maker.valid(self._wanted.seed, self._wanted.most * MOST_STRANGE, given)

    def _maker(self, contract: Contract, subject: Subject) -> Documents:
        by_urn = self._project.contracts.by_urn
        return Documents(contract=contract, by_urn=by_urn, hints=subject.hints)

    def _answers(self, subject: Subject, number: int = -1) -> dict[str, Json]:
        """Return an answer for each operation that may be asked: ordinary ones, or any."""
        made = {}
        for name, contract in subject.asks.items():
            maker = self._maker(contract, subject)
            chance = Seeded(f"{self._wanted.seed}/{name}/{number}") if number >= 0 else Ordinary()
            answer = maker.make(chance)
            if contract.violations(answer):
                given = self._examples.get(str(contract.ref), ())
                answer = next(maker.valid(f"{self._wanted.seed}/{number}", 1, given), None)
            made[name] = answer
        return made

    def _remember(self, trial: Trial) -> None:
        for message in trial.produced:
            made = self._made.setdefault(str(message.contract), [])
            if len(made) < self._wanted.most and message.payload not in made:
                made.append(message.payload)

    def _unmade(self, seen: Exercised) -> list[Found]:
        """Return that nothing could be shown, where not a single document went on."""
        if sum(seen.words.values()):
            return []
        subject = seen.subject
        text = f"{subject.name}: no document of {subject.accept.ref} was made that is meant for it"
        hint = f"an example: contracts/{subject.accept.ref.name}/examples/"
        finding = Diagnostic(code="E214", place=subject.place, message=text, hint=hint)
        return [Found(finding=finding, sample=Sample(document=None))]


def run(subject: Subject, sample: Sample) -> Trial:
    """Run a subject; an exception that is no refusal is a failure as well."""
    try:
        return subject.run(sample)
    except Exception as error:  # noqa: BLE001 (whatever it is, it would have stopped the router)
        return Trial(word="failed", failure=unexpected(error, subject.place))


def _found(subject: Subject, failure: Failure, sample: Sample) -> Found:
    """Return the finding with the smallest sample that fails in the same way."""
    whole = {"document": sample.document, "answers": dict(sample.answers)}

    def shows(smaller: Json) -> bool:
        if smaller.keys() != whole.keys() or smaller["answers"].keys() != whole["answers"].keys():
            return False
        one = Sample(document=smaller["document"], answers=smaller["answers"])
        if not _is_allowed(subject, one):
            return False
        again = run(subject, one).failure
        return again is not None and again.key == failure.key

    least = shrunk(whole, shows)
    small = Sample(document=least["document"], answers=least["answers"])
    last = run(subject, small).failure or failure
    return Found(finding=last.told(subject.name), sample=small)


def _is_allowed(subject: Subject, sample: Sample) -> bool:
    return (
        subject.is_meant(sample.document)
        and not subject.accept.violations(sample.document)
        and not any(
            contract.violations(sample.answers[name]) for name, contract in subject.asks.items()
        )
    )
