"""Owns: `router workflow replay`, `diff` and `migrate`: definitions that change under instances.
Imports: click, cli, config, infra.store, runtime.
Never: writes but through the daemon's inbox.
"""

from __future__ import annotations

import getpass
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from router.cli.asking import ask
from router.cli.common import (
    FINDINGS,
    choose,
    fail,
    format_option,
    load_sound,
    place_options,
    store_of,
    workflow_of,
)
from router.cli.reading import is_running
from router.cli.render import envelope, some, visible
from router.config.project import Project
from router.config.workflow.changes import Change, changes
from router.config.workflow.workflow import Workflow
from router.core.errors import Unavailable
from router.core.instance import Snapshot
from router.infra.store.reader import Reader
from router.infra.store.store import Store
from router.runtime.clock import SystemClock
from router.runtime.definitions import Definitions
from router.runtime.migrating import MOST, Foreseen, Plan, chosen, foresee
from router.runtime.replaying import Difference, replayed
from router.runtime.wiring import revisions_of

#: seconds that a migration is waited for, and between two looks
PATIENCE, PAUSE = 60.0, 0.1
#: instances that are named beside a reason
MOST_NAMED = 5
_REVISION = re.compile(r"[0-9a-f]{12}")


class Kept:
    """A store that is read, and the definitions that it knows."""

    def __init__(self, project: Project, store: Store, reader: Reader) -> None:
        self.project = project
        self.reader = reader
        self.revisions = revisions_of(project.root, store)
        self._definitions = Definitions(project, self.revisions)

    def by_mark(self, workflow: str, mark: str) -> Workflow | None:
        """Return a definition, None when it is not to be had."""
        return self._definitions.by_mark(mark, workflow, self.reader)


@contextmanager
def kept(project: Project, environment: str) -> Iterator[Kept]:
    """Give the store of an environment; end the command when it cannot be read."""
    try:
        store = Store.to_read(store_of(project, choose(project, environment)))
        with store.read() as reader:
            yield Kept(project, store, reader)
    except Unavailable as error:
        fail(str(error))


# ---- replay


@click.command("replay")
@click.argument("name", required=False)
@click.argument("key", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000_000),
    default=1000,
    show_default=True,
    help="Instances of one workflow that are looked at, those that began first.",
)
@place_options
@format_option
def replay(
    name: str | None, key: str | None, limit: int, root: Path, environment: str, style: str
) -> None:
    """Make the journals of instances anew, and tell the first thing that is not as it was.

    Every turn is made by the definition that made it, at its time, with what tables decided then:
    its effects must be equal byte for byte, and the state after it. Nothing is written. Exits with
    1 when something differs.
    """
    project = load_sound(root)
    names = [workflow_of(project, name).name] if name else sorted(project.workflows)
    instances = turns = 0
    found: Difference | None = None
    with kept(project, environment) as here:
        for one in _meant(here, names, key, limit):
            instances, turns = instances + 1, turns + one.turns
            lines = here.reader.instances.turns(one.id)
            found = replayed(one, lines, lambda mark, of=one.workflow: here.by_mark(of, mark))  # type: ignore[misc]
            if found is not None:
                break
    if style == "json":
        data = {"instances": instances, "turns": turns, "first": found and asdict(found)}
        click.echo(envelope("workflow replay", ok=found is None, data=data))
    elif found is None:
        click.echo(f"{some(instances, 'instances')}, {some(turns, 'turns')}: all as they were")
    else:
        where = f"turn {found.turn}" if found.turn else "at last"
        click.echo(visible(f"{found.workflow} {found.key}, {where}, {found.came}: {found.what}"))
        click.echo(visible(f"  in the journal: {found.kept}"))
        click.echo(visible(f"  made anew:      {found.made}"))
    if found is not None:
        sys.exit(FINDINGS)


def _meant(here: Kept, names: Iterable[str], key: str | None, limit: int) -> Iterator[Snapshot]:
    store = here.reader.instances
    for name in names:
        if not key:
            yield from store.find(name, limit)
            continue
        one = store.named([(name, key)]).get((name, key))
        if one is None:
            fail(f"{name} has no instance {key}")
        yield one


# ---- diff


@click.command("diff")
@click.argument("name")
@click.option(
    "--against",
    metavar="REVISION|FOLDER",
    default="",
    help="The earlier definition: of a revision that the store has, or of a project in a folder. "
    "By default the one by which the newest instances go.",
)
@place_options
@format_option
def diff(name: str, against: str, root: Path, environment: str, style: str) -> None:
    """Tell what changed in a workflow, and whether running instances may go on by it as it is.

    What only adds something, or gives more time, is additive. Any other change is breaking:
    instances stay with the definition by which they began, or router workflow migrate is told
    which step has become which. Exits with 1 when a change is breaking.
    """
    project = load_sound(root)
    new = workflow_of(project, name)
    old, called = _earlier(project, name, against, environment)
    found = changes(old, new)
    breaking = [one for one in found if one.is_breaking]
    if style == "json":
        told = [
            {"kind": one.kind, "path": one.path, "words": one.words, "place": str(one.place)}
            for one in found
        ]
        data = {"workflow": name, "from": old.mark, "to": new.mark, "changes": told}
        click.echo(envelope("workflow diff", ok=not breaking, data=data))
    else:
        for line in _diff_lines(found, f"{name} {called}"):
            click.echo(visible(line))
    if breaking:
        sys.exit(FINDINGS)


def _diff_lines(found: Sequence[Change], called: str) -> Iterator[str]:
    for one in found:
        yield f"{one.kind:<9} {one.path}: {one.words}"
        yield f"          {one.place}"
    breaking = sum(one.is_breaking for one in found)
    yield f"since {called}: {breaking} breaking, {len(found) - breaking} additive"


def _earlier(project: Project, name: str, against: str, environment: str) -> tuple[Workflow, str]:
    """Return the definition that is meant, and what it is called."""
    if against and not _REVISION.fullmatch(against):
        if not Path(against).is_dir():
            fail(f"{against} is neither a revision (12 hex digits) nor a folder with a project")
        return workflow_of(load_sound(Path(against)), name), f"in {against}"
    with kept(project, environment) as here:
        if against:
            found = here.revisions.get(against, here.reader)
            if found is None:
                fail(here.revisions.why_lost(against))
            return workflow_of(found, name), f"of revision {against}"
        for mark, version in here.reader.instances.definitions(name):
            workflow = here.by_mark(name, mark)
            if workflow is not None:
                return workflow, f"version {version} ({mark})"
    return fail(f"no instance of {name} has begun here: say --against")


# ---- migrate


@click.command("migrate")
@click.argument("name")
@click.argument("key", required=False, default="")
@click.option("--all", "everyone", is_flag=True, help="All instances that have not ended.")
@click.option("--label", default="", help="Those with this label.")
@click.option(
    "--to",
    "target",
    default="current",
    show_default=True,
    metavar="current|VERSION|MARK",
    help="By which definition they are to go on: that on disk, or one that the store knows.",
)
@click.option("--map", "pairs", multiple=True, metavar="OLD=NEW", help="A step is called NEW now.")
@click.option("--reason", required=True, help="Why; kept in each instance's journal.")
@click.option("--first", type=click.IntRange(1), help="Only so many of those that can: a canary.")
@click.option("--dry-run", is_flag=True, help="Only say what it would come to.")
@place_options
@format_option
def migrate(root: Path, environment: str, style: str, **said: Any) -> None:
    """Let running instances go on by another definition, one turn each.

    First all that are meant are tried in memory. One that can not be carried over stays as it is
    and is told with the reason: a step that was begun and is there no more, a key that would be
    sent again, something that may never be. Exits with 1 when there is one.
    """
    project, name = load_sound(root), said["name"]
    workflow_of(project, name)
    _check_meant(said)
    with kept(project, environment) as here:
        plan = Plan(
            target=_target(here, name, said["target"]),
            map=_pairs(said["pairs"]),
            actor=getpass.getuser(),
            reason=said["reason"],
        )
        some = chosen(here.reader, name, said["key"], said["label"])
        now = SystemClock().now()
        found = foresee(some, plan, lambda mark: here.by_mark(name, mark), now)
    if said["key"] and not found.total:
        fail(f"{name} has no instance {said['key']}")
    ids = found.ready[: said["first"]] if said["first"] else found.ready
    outcomes = {} if said["dry_run"] else _carried((root, environment), (name, plan), ids, project)
    _print_migration(found, plan, outcomes, style)
    refused = sum(n for word, n in outcomes.items() if word.startswith("refused"))
    if found.refused or refused:
        sys.exit(FINDINGS)


def _check_meant(said: Mapping[str, Any]) -> None:
    if sum(map(bool, (said["key"], said["everyone"], said["label"]))) != 1:
        fail("say which instances: a KEY, --label LABEL, or --all")


def _target(here: Kept, name: str, said: str) -> Workflow:
    """Return the definition that is meant."""
    if said == "current":
        return here.project.workflows[name]
    known = here.reader.instances.definitions(name)
    marks = [mark for mark, version in known if said in (mark, str(version))]
    found = here.by_mark(name, marks[0]) if marks else None
    if found is None:
        told = ", ".join(f"{version} ({mark})" for mark, version in known)
        fail(f"no definition {said} of {name} is kept here; there are: current, {told}")
    return found


def _pairs(said: Iterable[str]) -> dict[str, str]:
    found = {}
    for one in said:
        old, equals, new = one.partition("=")
        if not (old and equals and new):
            fail(f"--map takes OLD=NEW, such as fetch=collect, and not {one}")
        found[old] = new
    return found


def _carried(
    place: tuple[Path, str], by: tuple[str, Plan], ids: Sequence[str], project: Project
) -> dict[str, int]:
    """Have instances migrated; return what came of them, counted."""
    name, plan = by
    messages: list[str] = []
    for start in range(0, len(ids), MOST):
        arguments = {
            "workflow": name,
            "instances": list(ids[start : start + MOST]),
            "target": plan.target.mark,
            "revision": project.revision,
            "map": dict(plan.map),
            "actor": plan.actor,
            "reason": plan.reason,
        }
        messages += ask(*place, "migrate", arguments)["messages"]
    if not is_running(project, place[1]):
        return {"on its way until a daemon runs": len(messages)} if messages else {}
    return _awaited(project, place[1], messages)


def _awaited(project: Project, environment: str, messages: Sequence[str]) -> dict[str, int]:
    """Wait until each message had its turn, and count what came of them."""
    until, wait = time.monotonic() + PATIENCE, threading.Event()
    while True:
        with kept(project, environment) as here:
            ended = here.reader.instances.outcomes(messages)
        if len(ended) == len(messages) or time.monotonic() > until:
            break
        wait.wait(PAUSE)
    counts: dict[str, int] = {}
    for outcome, why in ended.values():
        word = f"{outcome}: {why}" if why else outcome
        counts[word] = counts.get(word, 0) + 1
    if len(ended) < len(messages):
        counts["on its way"] = len(messages) - len(ended)
    return counts


def _print_migration(found: Foreseen, plan: Plan, outcomes: Mapping[str, int], style: str) -> None:
    if style == "json":
        data = {
            "to": plan.target.mark,
            "instances": found.total,
            "ready": len(found.ready),
            "there": found.there,
            "labels": [[old, new, n] for (old, new), n in sorted(found.labels.items())],
            "sends": dict(sorted(found.sends.items())),
            "refused": [{"why": why, "keys": keys} for why, keys in found.refused.items()],
            "outcomes": dict(outcomes),
        }
        click.echo(envelope("workflow migrate", ok=not found.refused, data=data))
        return
    for line in _migration_lines(found, plan):
        click.echo(visible(line))
    for word, n in outcomes.items():
        click.echo(visible(f"{n:>8} {word}"))


def _migration_lines(found: Foreseen, plan: Plan) -> Iterator[str]:
    version = plan.target.file.version
    yield f"{some(found.total, 'instances')} to version {version} ({plan.target.mark})"
    yield f"{len(found.ready):>8} can go on by it"
    if found.there:
        yield f"{found.there:>8} do already"
    for (old, new), n in sorted(found.labels.items()):
        yield f"{n:>8} change their label: {old} -> {new}"
    for operation, n in sorted(found.sends.items()):
        yield f"{n:>8} commands would leave: {operation}"
    for why, keys in found.refused.items():
        more = f" and {len(keys) - MOST_NAMED} more" if len(keys) > MOST_NAMED else ""
        yield f"{len(keys):>8} refused: {why} ({', '.join(keys[:MOST_NAMED])}{more})"


CHANGING = (replay, diff, migrate)
