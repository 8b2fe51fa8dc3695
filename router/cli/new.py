"""Owns: `router new`: writes drafts of a channel, a flow, a system; says what is left to write.
Imports: click, config.drafts, infra.codecs.
Never: writes over a file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from router.cli.common import FAILURE, fail, load, project_option
from router.cli.render import visible
from router.config.channels import FORMAT
from router.config.drafts.channel import (
    ChannelDraft,
    ChannelWish,
    Files,
    KindDraft,
    Landscape,
    draft_channel,
)
from router.config.drafts.elements import shaped
from router.config.drafts.kinds import DraftError, Sample, expression_of
from router.config.drafts.matching import filled_of, todos_of
from router.config.drafts.writing import confidence
from router.config.project import Project
from router.core.document import Json
from router.core.errors import MessageError
from router.infra.codecs import decode_json, decode_xml

_NAME = click.argument("name")
_DRY = click.option("--dry-run", is_flag=True, help="Print the files instead of writing them.")
_OWNER = click.option(
    "--owner", default="unassigned", show_default=True, help="Who answers for it."
)


@click.group("new")
def new() -> None:
    """Write the draft of a channel, a flow or a system into the project.

    A draft is text like any other: read it, change it, test it. No file is written over.
    """


@new.command("channel")
@_NAME
@click.option(
    "--sample",
    "samples",
    multiple=True,
    required=True,
    metavar="[KIND=]FILE",
    help="A payload as the sender sends it; several are better than one.",
)
@click.option("--kind", default="", metavar="EXPR", help="What tells the kind, or a header's name.")
@click.option(
    "--object",
    "objects",
    multiple=True,
    metavar="[KIND=]OBJECT",
    help="The object that it becomes; otherwise the one that the samples fill best.",
)
@click.option("--format", "form", type=click.Choice(FORMAT.words), help="By default by the ending.")
@click.option("--records", default="", metavar="EXPR", help="A payload is a list of messages.")
@click.option("--verify", default="", metavar="PRESET", help="The signature scheme, by name.")
@_OWNER
@_DRY
@project_option
def channel(
    *,
    name: str,
    samples: tuple[str, ...],
    kind: str,
    objects: tuple[str, ...],
    form: str | None,
    records: str,
    verify: str,
    owner: str,
    dry_run: bool,
    root: Path,
) -> None:
    """Draft a channel from sample payloads: routes, contracts, transforms, tests.

    What the samples do not tell is left out: `router check` then names each field that you must
    write, and the draft says above it what comes into question.
    """
    project = _project(root)
    form = form or ("xml" if samples[0].endswith(".xml") else "json")
    try:
        wish = ChannelWish(
            name=name,
            samples=_samples(samples, form, records),
            owner=owner,
            kind=kind,
            objects=dict(_pair(one) for one in objects),
            format=form,
            records=records,
            verify=verify,
        )
        draft = draft_channel(wish, _landscape(project))
    except DraftError as error:
        fail(str(error))
    _write(root, draft.files, dry_run=dry_run)
    click.echo(visible("\n".join(_told(draft))))


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


def _samples(said: Sequence[str], form: str, records: str) -> list[Sample]:
    reader = _Reader(form, records)
    read: list[tuple[str, Path, bytes, list[Json]]] = []
    for one in said:
        kind, file = _pair(one) if not Path(one).exists() else ("", one)
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


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    return (name, value) if equals else ("", text)


def _project(root: Path) -> Project:
    project, _ = load(root)
    if not project.texts:
        fail(f"no project in {root}/: router init")
    return project


def _landscape(project: Project) -> Landscape:
    folder = "routes/policies/"
    policies = sorted(
        path.removeprefix(folder).removesuffix(".yaml")
        for path in project.texts
        if path.startswith(folder) and path.endswith(".yaml")
    )
    if not policies:
        fail("the project has no failure policy: write routes/policies/patient.yaml first")
    return Landscape(contracts=project.contracts, tables=project.tables, policy=policies[0])


def _write(root: Path, files: Files, *, dry_run: bool) -> None:
    """Write the files, or none of them when one is there already."""
    there = [path for path in sorted(files) if (root / path).exists()]
    if there:
        click.echo(f"router: {', '.join(there)}: there already, nothing was written", err=True)
        sys.exit(FAILURE)
    for path, text in files.items():
        if dry_run:
            click.echo(visible(f"--- {path}\n{text.decode(errors='replace')}"))
            continue
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
        click.echo(visible(f"wrote {path}"))


def _told(draft: ChannelDraft) -> Iterator[str]:
    for kind in draft.kinds:
        yield ""
        yield f"{kind.kind} becomes {kind.object.ref.subject}"
        for path, value in filled_of(kind.fields):
            if value.leaf is not None:
                note = f"  ({value.note})" if value.note else ""
                sure = f"{confidence(value.score)} {value.score:.2f}"
                yield f"  {sure:<12} {path} {value.text}{note}"
        yield from _left(kind)
    yield ""
    yield "next: router check"


def _left(kind: KindDraft) -> Iterator[str]:
    left: Mapping[str, tuple[str, ...]] = {
        path: todo.candidates for path, todo in todos_of(kind.fields)
    }
    if not kind.identity.parts:
        yield f"  left to write in the route {kind.kind}: identity"
    if left:
        yield f"  left to write in {kind.transform}:"
    for path, candidates in left.items():
        maybe = f"  perhaps {' or '.join('=' + one for one in candidates)}" if candidates else ""
        yield f"    {path}{maybe}"
