"""Owns: `router new`: writes drafts of a channel, a flow, a system; says what is left to write.
Imports: click, config.drafts, cli.drafting.
Never: writes over a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from router.cli.common import fail, load, project_option
from router.cli.drafting import examples_of, labelled, landscape_of, name_of, read_samples, write
from router.cli.render import visible
from router.config.drafts.channel import ChannelDraft, ChannelWish, draft_channel
from router.config.drafts.drafted import KindDraft
from router.config.drafts.kinds import DraftError
from router.config.drafts.matching import filled_of, todos_of
from router.config.drafts.parts import (
    FlowWish,
    PartDraft,
    SystemWish,
    draft_flow,
    draft_system,
    object_named,
    settings_line,
    with_settings,
)
from router.config.drafts.writing import confidence
from router.config.project import Project
from router.core.diagnostics import nearest

#: formats that a draft is made from
_FORMATS = ("json", "xml")
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
@click.option("--format", "form", type=click.Choice(_FORMATS), help="By default by the ending.")
@click.option("--records", default="", metavar="EXPR", help="A payload is a list of messages.")
@click.option("--verify", default="", metavar="PRESET", help="The signature scheme, by name.")
@click.option("--queue", default="", metavar="NAME", help="It takes from a queue of a broker.")
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
    queue: str,
    owner: str,
    dry_run: bool,
    root: Path,
) -> None:
    """Draft a channel from sample payloads: routes, contracts, transforms, tests.

    What the samples do not tell is left out: `router check` then names each field that you must
    write, and the draft says above it what comes into question.
    """
    if queue and verify:
        fail("--queue and --verify: messages of a queue carry no signature")
    project = _project(root)
    form = form or ("xml" if samples[0].endswith(".xml") else "json")
    try:
        wish = ChannelWish(
            name=name_of(name),
            samples=read_samples(samples, form, records),
            owner=owner,
            kind=kind,
            objects=dict(labelled(one) for one in objects),
            format=form,
            records=records,
            verify=verify,
            queue=queue,
        )
        draft = draft_channel(wish, landscape_of(project))
    except DraftError as error:
        fail(str(error))
    write(root, draft.files, {}, dry_run=dry_run)
    click.echo(visible("\n".join(_told(draft))))


@new.command("flow")
@_NAME
@click.option("--object", "subject", required=True, help="The object that it subscribes to.")
@click.option("--operation", default="", metavar="SYSTEM.OP", help="Where it sends the object.")
@_OWNER
@_DRY
@project_option
def flow(*, name: str, subject: str, operation: str, owner: str, dry_run: bool, root: Path) -> None:
    """Draft a flow: who gets an object.

    An operation that takes another contract gets a transform, drafted from the object's examples.
    """
    project = _project(root)
    land = landscape_of(project)
    target = project.operations.get(operation)
    if operation and target is None:
        fail(f"no operation {operation}: {nearest(operation, project.operations)}")
    try:
        wish = FlowWish(
            name=name_of(name),
            object=subject,
            owner=owner,
            operation=operation,
            accept=target.accept if target is not None else None,
            examples=examples_of(root, object_named(subject, land).ref),
        )
        draft = draft_flow(wish, land)
    except DraftError as error:
        fail(str(error))
    write(root, draft.files, {}, dry_run=dry_run)
    _tell_left(draft)


@new.command("system")
@_NAME
@click.option("--url", default="", help="Its address; without one it is a folder of files.")
@click.option(
    "--operation",
    "operations",
    multiple=True,
    default=("send",),
    show_default=True,
    metavar="NAME[=OBJECT]",
    help="What it can be asked to do, and with which object.",
)
@_OWNER
@_DRY
@project_option
def system(
    *, name: str, url: str, operations: tuple[str, ...], owner: str, dry_run: bool, root: Path
) -> None:
    """Draft a system: its operations, what their answers mean, and where it is.

    Each environment gets a line that says where: change it where the system is elsewhere.
    """
    project = _project(root)
    land = landscape_of(project)
    said = dict((*one.partition("=")[::2],) for one in operations)
    try:
        refs = {one: object_named(subject, land).ref for one, subject in said.items() if subject}
        shown = {one: examples_of(root, ref) for one, ref in refs.items()}
        wish = SystemWish(
            name=name_of(name),
            operations={name_of(one): subject for one, subject in said.items()},
            owner=owner,
            url=url,
            examples={one: found[0] for one, found in shown.items() if found},
        )
        draft = draft_system(wish, land)
    except DraftError as error:
        fail(str(error))
    changed, by_hand = _settled(project, settings_line(wish))
    write(root, draft.files, changed, dry_run=dry_run)
    for path in by_hand:
        click.echo(visible(f"left to write in {path} under systems: {settings_line(wish)}"))
    _tell_left(draft)


def _settled(project: Project, line: str) -> tuple[dict[str, str], list[str]]:
    """Return each environment's text with the line in it, and those that it cannot be put in."""
    changed: dict[str, str] = {}
    by_hand: list[str] = []
    for path, text in sorted(project.texts.items()):
        if path.startswith("routes/environments/"):
            made = with_settings(text, line)
            changed.update({path: made} if made is not None else {})
            by_hand += [path] if made is None else []
    return changed, by_hand


def _tell_left(draft: PartDraft) -> None:
    for path, names in draft.left.items():
        click.echo(visible(f"left to write in {path}: {', '.join(names)}"))
    click.echo("next: router check")


def _project(root: Path) -> Project:
    project, _ = load(root)
    if not project.texts:
        fail(f"no project in {root}/: router init")
    return project


def _told(draft: ChannelDraft) -> Iterator[str]:
    for kind in draft.kinds:
        yield ""
        chosen = "" if kind.asked else ", which it fills best: --object says another"
        yield f"{kind.kind} becomes {kind.object.ref.subject}{chosen}"
        for path, value in filled_of(kind.fields):
            if value.leaf is not None:
                note = f"  ({value.note})" if value.note else ""
                sure = f"{confidence(value.score)} {value.score:.2f}"
                yield f"  {sure:<12} {path} {value.text}{note}"
        yield from _left(kind)
    yield ""
    yield "next: router check"


def _left(kind: KindDraft) -> Iterator[str]:
    left = {path: todo.candidates for path, todo in todos_of(kind.fields)}
    if not kind.identity.parts:
        yield f"  left to write in the route {kind.kind}: identity"
    if left:
        yield f"  left to write in {kind.transform}:"
    for path, candidates in left.items():
        maybe = f"  perhaps {' or '.join('=' + one for one in candidates)}" if candidates else ""
        yield f"    {path}{maybe}"
