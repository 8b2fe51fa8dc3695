"""Owns: which kinds of messages samples show, and what tells them apart.
Imports: config.drafts (names, sources), config.transforms.expressions, core.
Never: reads a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.config.drafts.names import plain_name, words_of
from router.config.drafts.sources import Leaf, scope_of
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import Expression, compile_expression
from router.core.diagnostics import Place
from router.core.document import Json
from router.core.errors import MessageError

#: words of a field that names the kind, the most telling first
_TELLING = ("kind", "topic", "event", "type", "action")
_LONGEST = 80


class DraftError(Exception):
    """What was asked for cannot be drafted; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One payload: the name of its file, its bytes, its documents (one a record)."""

    file: str
    data: bytes
    records: tuple[Json, ...]
    #: the kind that the author says it has
    kind: str = ""

    @property
    def stem(self) -> str:
        """Return the name of the file without its ending, as a name of the language."""
        return plain_name(self.file.rpartition(".")[0] or self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """The expression that tells the kind, its header if it is one, documents by kind."""

    expression: str
    header: str
    found: bool
    documents: Mapping[str, tuple[Json, ...]]


def expression_of(text: str) -> Expression:
    """Return the text of an expression (with or without `=`), compiled. Raises DraftError."""
    made, found = compile_expression(
        text.removeprefix("="), Place("option"), Vocabulary(roots=None, tables={})
    )
    if made is None:
        told = "; ".join(f"{one.message}: {one.hint}" for one in found)
        raise DraftError(f"{text} is no expression: {told}")
    return made


def kinds_of(samples: Sequence[Sample], said: str) -> Kinds:
    """Return the kinds of samples; `said`: an expression, the name of a header, or nothing."""
    if said and said.replace("-", "").replace("_", "").isalnum() and not said.startswith("="):
        header = said.lower()
        grouped = _grouped([(_label(one), one.records) for one in samples])
        return Kinds(
            expression=f'=headers."{header}"', header=header, found=True, documents=grouped
        )
    text = said or _guessed(samples)
    if not text:
        return _one_kind(samples)
    tell = expression_of(text)
    pairs: list[tuple[str, Sequence[Json]]] = []
    for sample in samples:
        pairs += [(_told(tell, one) or _label(sample), (one,)) for one in sample.records]
    expression = f"={text.removeprefix('=')}"
    return Kinds(expression=expression, header="", found=bool(said), documents=_grouped(pairs))


def _one_kind(samples: Sequence[Sample]) -> Kinds:
    words = {one.kind for one in samples if one.kind}
    if len(words) > 1:
        raise DraftError("nothing in the samples tells their kinds apart: write --kind EXPR")
    word = words.pop() if words else samples[0].stem
    held = tuple(record for one in samples for record in one.records)
    safe = word.replace("'", "")
    return Kinds(expression=f"='{safe}'", header="", found=False, documents={safe: held})


def _guessed(samples: Sequence[Sample]) -> str:
    """Return the field at the top, or one below it, that names the kind."""
    documents = [record for one in samples for record in one.records]
    fit = [leaf for leaf in scope_of(documents, "body").leaves if _could_tell(leaf)]
    ranked = sorted(fit, key=_rank)
    return ranked[0].path if ranked else ""


def _could_tell(leaf: Leaf) -> bool:
    words = words_of(leaf.names[-1])
    texts = all(isinstance(one, str) and 0 < len(one) <= _LONGEST for one in leaf.values)
    few = len(set(leaf.values)) == 1 or len(set(leaf.values)) < len(leaf.values) or texts
    return leaf.always and texts and few and len(leaf.names) <= 2 and bool(set(words) & {*_TELLING})


def _rank(leaf: Leaf) -> tuple[int, bool, int]:
    words = words_of(leaf.names[-1])
    return (
        len(leaf.names),
        words[-1] not in _TELLING,
        min(_TELLING.index(one) for one in words if one in _TELLING),
    )


def _told(tell: Expression, record: Json) -> str:
    try:
        found = tell({"body": record, "headers": {}, "env": {}})
    except MessageError:
        return ""
    return found if isinstance(found, str) else ""


def _label(sample: Sample) -> str:
    return sample.kind or sample.stem


def _grouped(pairs: Sequence[tuple[str, Sequence[Json]]]) -> dict[str, tuple[Json, ...]]:
    made: dict[str, list[Json]] = {}
    for kind, records in pairs:
        made.setdefault(kind, []).extend(records)
    return {kind: tuple(records) for kind, records in made.items()}
