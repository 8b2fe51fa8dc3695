"""Owns: the commands of `router workflow` that look at instances: list, show, tasks, exceptions,
parked.
Imports: click, cli, infra.store, runtime (definitions, outlook).
Never: writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from router.cli.common import (
    FINDINGS,
    choose,
    fail,
    format_option,
    load_sound,
    place_options,
    workflow_of,
)
from router.cli.common import store_of as place_of
from router.cli.holding import held_line, held_workflows
from router.cli.kinds import When
from router.cli.render import envelope, some, visible
from router.config.project import Project
from router.core.diagnostics import nearest
from router.core.errors import Unavailable
from router.core.instance import WAITS, Snapshot
from router.engine.workflow.values import path_of
from router.infra.store.overview import (
    WHOLE,
    ExceptionQuery,
    InstanceQuery,
    since_until,
)
from router.infra.store.reader import Reader
from router.infra.store.store import Store
from router.runtime.definitions import Definitions
from router.runtime.outlook import exception_text, minute, outlook_lines, outlook_of
from router.runtime.wiring import revisions_of

limit_option = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True
)


def filter_options(command: Any) -> Any:
    """Add the options that say which instances."""
    for option in reversed(
        (
            click.option("--label", default="", help="Only with this label."),
            click.option("--waits", metavar="STEP", default="", help="Only those in this step."),
            click.option(
                "--status",
                type=click.Choice([*WHOLE, *WAITS]),
                default=None,
                help="Only those that are so, or are in a step that is so.",
            ),
            click.option("--task-of", metavar="ROLE", default="", help="Only with its question."),
            click.option("--exception", metavar="CATEGORY", default="", help="Only with one open."),
            click.option("--owner", default="", help="Only with an open exception of this owner."),
            click.option("--since", type=When(), help="Only begun from then on: 2h (ago), a time."),
            click.option("--until", type=When(), help="Only begun before: 2h (ago), or a time."),
        )
    ):
        command = option(command)
    return command


def query_from(options: dict[str, Any], project: Project) -> InstanceQuery:
    """Return the query that options are, and take them out; fail for what no file declares."""
    times = since_until(options.pop("since"), options.pop("until"))
    words = ("workflow", "label", "waits", "status", "task_of", "exception", "owner")
    query = InstanceQuery(**{name: options.pop(name) or "" for name in words}, **times)
    if query.workflow:
        workflow_of(project, query.workflow)
    if query.waits:
        some = [one for one in project.workflows.values() if query.workflow in ("", one.name)]
        steps = {name for one in some for name in one.steps}
        if query.waits not in steps:
            fail(f"no step {query.waits}: {nearest(query.waits, steps)}")
    return query


@contextmanager
def looking(project: Project, environment: str) -> Iterator[tuple[Reader, Definitions]]:
    """Give a reader of an environment's store, and the definitions that its instances go by."""
    try:
        store = Store.to_read(place_of(project, choose(project, environment)))
        with store.read() as reader:
            yield reader, Definitions(project, revisions_of(project.root, store))
    except Unavailable as error:
        fail(str(error))


def the_instance(reader: Reader, project: Project, name: str, key: str) -> Snapshot:
    """Return an instance by its key, or the only one that goes by another name; or fail."""
    workflow_of(project, name)
    found = reader.instances.named([(name, key)]).get((name, key))
    if found is not None:
        return found
    others = by_other_name(reader, project, name, key)
    if len(others) == 1:
        return others[0]
    if others:
        keys = ", ".join(sorted(one.key for one in others))
        fail(f"{key} is a name of {len(others)} instances of {name}, take a key: {keys}")
    gone = reader.instances.forgotten([(name, key)])
    if gone:
        fail(f"{name} {key} has ended as {gone[name, key]} and was forgotten")
    click.echo(visible(f"no instance {key} of {name}: router workflow list {name}"), err=True)
    sys.exit(FINDINGS)


def by_other_name(reader: Reader, project: Project, name: str, word: str) -> list[Snapshot]:
    """Return the instances of a workflow that go by a word under any kind of name."""
    kinds = sorted(project.workflows[name].alias_kinds)
    found = reader.instances.by_alias(name, [(kind, word) for kind in kinds])
    ids = {one for some in found.values() for one in some}
    return sorted(reader.instances.get(ids).values(), key=lambda one: one.key)


@click.command("list")
@click.argument("workflow", required=False)
@filter_options
@limit_option
@place_options
@format_option
def list_instances(root: Path, environment: str, style: str, limit: int, **options: Any) -> None:
    """List instances by key, and count what is found.

    Conditions narrow each other. A time has an offset, as in 2026-03-01T00:00:00Z.
    """
    project = load_sound(root)
    query = query_from(options, project)
    with looking(project, environment) as (reader, _):
        found, all_ = reader.overview.instances(query, limit), reader.overview.count(query)
        paused = held_workflows(reader, query.workflow)
    if style == "json":
        data = {"instances": found, "count": all_, "paused": paused}
        click.echo(envelope("workflow list", ok=True, data=data))
        return
    _tell_paused(paused)
    for one in found:
        suspended = f", suspended: {one['suspended']}" if one["suspended"] else ""
        line = f"{one['workflow']} {one['key']}  {one['label']}  since {minute(one['at'])}"
        click.echo(visible(line + suspended))
    all_text = some(all_, "instances")
    click.echo(all_text if len(found) == all_ else f"{len(found)} of {all_text}")


@click.command("show")
@click.argument("workflow")
@click.argument("key")
@place_options
@format_option
def show_instance(workflow: str, key: str, root: Path, environment: str, style: str) -> None:
    """Show one instance: what it waits for and who can act, its steps, facts, names and turns.

    KEY is its key, or another name that only it goes by.
    """
    project = load_sound(root)
    with looking(project, environment) as (reader, definitions):
        kept = the_instance(reader, project, workflow, key)
        told = outlook_of(reader, kept, definitions.by_mark(kept.mark, workflow, reader))
        paused = held_workflows(reader, workflow)
    if style == "json":
        click.echo(envelope("workflow show", ok=True, data={"instance": told, "paused": paused}))
        return
    _tell_paused(paused)
    click.echo(visible("\n".join(outlook_lines(told))))


@click.command("tasks")
@click.argument("workflow", required=False)
@click.option("--role", default="", help="Only those of this role.")
@limit_option
@place_options
@format_option
def tasks(
    workflow: str | None, role: str, limit: int, root: Path, environment: str, style: str
) -> None:
    """List the questions that wait for a person, the first to be answered first.

    `router workflow order decide` answers one.
    """
    project = load_sound(root)
    name = workflow_of(project, workflow).name if workflow else ""
    with looking(project, environment) as (reader, _):
        found = reader.overview.tasks(name, role, limit)
    lines = (
        f"{_place(one)}  {one['role']}, due {minute(one['due_at'])}, "
        f"asked {minute(one['opened_at'])}"
        for one in found
    )
    _print("workflow tasks", "tasks", found, (style, lines))


@click.command("exceptions")
@click.argument("workflow", required=False)
@click.option("--category", default="", help="Only of this category.")
@click.option("--owner", default="", help="Only of this owner.")
@click.option("--severity", default="", help="Only of this severity.")
@click.option("--closed", is_flag=True, help="Those that are over, the last first.")
@limit_option
@place_options
@format_option
def exceptions(
    workflow: str | None, root: Path, environment: str, style: str, **options: Any
) -> None:
    """List what a person has to look at, by the time at which it is due."""
    project = load_sound(root)
    name = workflow_of(project, workflow).name if workflow else ""
    with looking(project, environment) as (reader, _):
        found = reader.overview.exceptions(ExceptionQuery(workflow=name, **options))
    lines = (
        f"{_subject(one)}  {exception_text(one)}, {one['severity']}"
        + (f", closed {minute(one['closed_at'])}" if one["closed_at"] else "")
        for one in found
    )
    _print("workflow exceptions", "exceptions", found, (style, lines))


@click.command("parked")
@click.argument("workflow", required=False)
@limit_option
@place_options
@format_option
def parked(workflow: str | None, limit: int, root: Path, environment: str, style: str) -> None:
    """List events that wait for their instance: by which names, since when, until when.

    One that several instances fit is ambiguous: `router workflow unpark --to` says which it means.
    """
    project = load_sound(root)
    names = [workflow_of(project, workflow).name] if workflow else sorted(project.workflows)
    with looking(project, environment) as (reader, _):
        found = [one for name in names for one in reader.overview.parked(name, limit)][:limit]
    lines = (
        f"{one['message_id']} {one['workflow']} {one['event']}  until {minute(one['until'])}, by "
        + ", ".join(f"{name['kind'] or 'key'} {name['value']}" for name in one["names"])
        + (f", ambiguous: {', '.join(one['candidates'])}" if one["candidates"] else "")
        for one in found
    )
    _print("workflow parked", "parked", found, (style, lines))


def _tell_paused(paused: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what of it stands still because its workflow is held back."""
    for name, why in paused.items():
        click.echo(visible(held_line(name, why)))


def _subject(one: Mapping[str, Any]) -> str:
    """Return what an exception is about: an instance, or an event that several fit."""
    if one["key"] is None:
        which = f"one of {', '.join(one['candidates'])}"
        return f"{one['workflow']} {one['message_id']} {one['event']} of {which}"
    return f"{one['workflow']} {one['key']} {one['name']}"


def _place(one: dict[str, Any]) -> str:
    return f"{one['workflow']} {one['key']} {path_of(one['step'], one['item'])}"


def _print(
    command: str, name: str, found: list[dict[str, Any]], how: tuple[str, Iterable[str]]
) -> None:
    style, lines = how
    if style == "json":
        click.echo(envelope(command, ok=True, data={name: found}))
        return
    for line in lines:
        click.echo(visible(line))
    if not found:
        click.echo("none")


READING = (list_instances, show_instance, tasks, exceptions, parked)
