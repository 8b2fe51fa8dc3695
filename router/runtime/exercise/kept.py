"""Owns: samples that failed once and are run first ever after: files beside the contract.
Imports: config.project, core, runtime.exercise.
Never: writes unless it is asked to; deletes.

A file is `contracts/NAME/regressions/VERSION/WORDS-DIGEST.json`, written to be read by people.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.config.project import Project
from router.runtime.exercise.exercise import Found
from router.runtime.exercise.subjects import Subject
from router.runtime.exercise.trial import Sample

FOLDER = "regressions"
_KEYS = ("for", "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file: whose it is, its sample, what is wrong with the file itself."""

    file: str
    subject: str = ""
    sample: Sample | None = None
    wrong: str = ""


def kept_in(project: Project) -> list[Kept]:
    """Return the kept samples of a project, in the order of their files."""
    found = sorted((project.root / "contracts").glob(f"**/{FOLDER}/*/*.json"))
    return [_read(path, path.relative_to(project.root).as_posix()) for path in found]


def keep(root: Path, subject: Subject, found: Found) -> str:
    """Write the sample of a failure, and return its file."""
    ref = subject.accept.ref
    text = _written(subject, found)
    words = re.sub(r"[^a-z0-9]+", "_", subject.name.lower()).strip("_")
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    name = f"contracts/{ref.name}/{FOLDER}/{ref.version}/{words}-{digest}.json"
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def _written(subject: Subject, found: Found) -> str:
    finding, sample = found.finding, found.sample
    shown: dict[str, Any] = {
        "for": subject.name,
        "failed": f"{finding.code} {finding.message}",
        "document": sample.document,
    }
    if sample.answers:
        shown["answers"] = dict(sample.answers)
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path, name: str) -> Kept:
    try:
        held = json.loads(path.read_text())
    except ValueError as error:
        return Kept(file=name, wrong=f"is no JSON: {error}")
    if not isinstance(held, Mapping) or any(key not in held for key in _KEYS):
        return Kept(file=name, wrong=f"a kept sample has {', '.join(_KEYS)}, answers where asked")
    answers = held.get("answers", {})
    if not isinstance(answers, Mapping):
        return Kept(file=name, wrong="answers: a mapping of operations to documents")
    sample = Sample(document=held["document"], answers=answers)
    return Kept(file=name, subject=str(held["for"]), sample=sample)
