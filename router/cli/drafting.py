"""Owns: what drafts need of the disk: reading samples and examples, writing files that are new.
Imports: config.drafts, infra.codecs.
Never: writes over a file; draws a draft up (config.drafts does).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from router.cli.common import FAILURE, fail
from router.cli.render import visible
from router.config.drafts.channel import Files, Landscape
from router.config.drafts.elements import shaped
from router.config.drafts.kinds import DraftError, Sample, expression_of
from router.config.project import Project
from router.core.document import Json
from router.core.errors import MessageError
from router.core.message import ContractRef
from router.infra.codecs import decode_json, decode_xml

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads samples of one format."""

    form: str
    records: str

    def documents(self, body: bytes) -> list[Json]:
        """Return the records of a payload as they come."""
        document = decode_xml(body) if self.form == "xml" else decode_json(body)
        if not self.records:
            return [document]
        found = expression_of(self.records)({"body": document, "headers": {}})
        if not isinstance(found, list) or not found:
            raise DraftError(f"--records {self.records} gives no list with something in it")
        return found


def read_samples(said: Sequence[str], form: str, records: str) -> list[Sample]:
    """Return samples of `[KIND=]FILE`; a file that cannot be read ends the command."""
    reader = _Reader(form, records)
    read: list[tuple[str, Path, bytes, list[Json]]] = []
    for one in said:
        kind, file = labelled(one) if not Path(one).exists() else ("", one)
        path = Path(file)
        try:
            body = path.read_bytes()
            read.append((kind, path, body, reader.documents(body)))
        except OSError as error:
            fail(f"{file}: {error.strerror}")
        except MessageError as error:
            fail(f"{file}: {error}")
    documents = [document for *_, found in read for document in found]
    every = iter(shaped(documents) if form == "xml" else documents)
    return [
        Sample(file=path.name, data=body, kind=kind, records=tuple(next(every) for _ in found))
        for kind, path, body, found in read
    ]


def labelled(text: str) -> tuple[str, str]:
    """Return what stands before the last `=`, if anything, and what stands behind it."""
    name, equals, value = text.rpartition("=")
    return (name, value) if equals else ("", text)


def name_of(text: str) -> str:
    """Return a name of the language, or end the command."""
    if not _NAME.fullmatch(text):
        fail(f"{text} is no name: small letters, digits and _, beginning with a letter")
    return text


def examples_of(root: Path, ref: ContractRef) -> list[Json]:
    """Return the examples of a contract."""
    folder = root / "contracts" / ref.name / "examples" / ref.version
    return [decode_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def landscape_of(project: Project) -> Landscape:
    """Return what drafts may refer to."""
    folder = "routes/policies/"
    names = {
        path.removeprefix(folder).removesuffix(".yaml")
        for path in project.texts
        if path.startswith(folder) and path.endswith(".yaml")
    }
    policies = sorted(names - project.rules.keys())
    if not policies:
        fail("the project has no failure policy: write routes/policies/patient.yaml first")
    return Landscape(contracts=project.contracts, tables=project.tables, policy=policies[0])


def write(root: Path, files: Files, changed: Mapping[str, str], *, dry_run: bool) -> None:
    """Write the files, or none of them when one is there already; `changed` were there."""
    there = [path for path in sorted(files) if (root / path).exists()]
    if there:
        click.echo(f"router: {', '.join(there)}: there already, nothing was written", err=True)
        sys.exit(FAILURE)
    for path, text in {**files, **{path: text.encode() for path, text in changed.items()}}.items():
        if dry_run:
            click.echo(visible(f"--- {path}\n{text.decode(errors='replace')}"))
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
        click.echo(visible(f"{'added to' if path in changed else 'wrote'} {path}"))
