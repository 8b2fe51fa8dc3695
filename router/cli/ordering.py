"""Owns: the commands of `router workflow` that order something: order, approve, reject, unpark.
Imports: click, cli, engine.workflow, infra.store, runtime (definitions, foreseen).
Never: writes beside a running daemon anything but the question; lets a dry run write.
"""

from __future__ import annotations

import getpass
import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from router.cli.asking import PATIENCE, PAUSE, ask
from router.cli.common import FINDINGS, fail, format_option, load_sound, place_options, workflow_of
from router.cli.holding import stands_still
from router.cli.instances import (
    filter_options,
    looking,
    query_from,
    the_instance,
)
from router.cli.jobs import job_commands
from router.cli.reading import is_running, reading
from router.cli.render import envelope, some, visible
from router.config.project import Project
from router.core.diagnostics import nearest
from router.core.instance import WAITS, consumer_of
from router.engine.workflow.orders import OF_STEPS, VERBS, moves_money
from router.engine.workflow.values import Ordered, path_of
from router.infra.store.inbox import PROPOSED, Command
from router.infra.store.letters import LetterQuery
from router.infra.store.overview import InstanceQuery
from router.infra.store.reader import Reader
from router.runtime.clock import SystemClock
from router.runtime.definitions import Definitions
from router.runtime.foreseen import foresee, foresee_all, foreseen_lines
from router.runtime.ordering import ordered
from router.runtime.outlook import minute

#: the letters with which a value that is no plain word begins
_JSON = '{["-0123456789'
reason_option = click.option("--reason", required=True, help="Why; kept with the turn.")


@click.command("order")
@click.argument("verb", type=click.Choice(VERBS))
@click.argument("workflow")
@click.argument("key", required=False)
@click.option("--step", default="", help=f"Which step: for {', '.join(OF_STEPS)}.")
@click.option("--item", default="", help="Which item of it; in bulk by default each that is begun.")
@click.option("--value", default="", metavar="JSON", help="JSON, or a word: see the manual.")
@click.option("--dry-run", is_flag=True, help="Show what would come of it, and write nothing.")
@click.option("--rate", type=click.IntRange(1, 10_000), default=50, show_default=True)
@filter_options
@reason_option
@place_options
@format_option
def order(root: Path, environment: str, style: str, key: str | None, **options: Any) -> None:
    """Order something of one instance, or of all that conditions find.

    With KEY the order is carried out as one turn, and what came of it is told. Without it, the
    conditions of `list` say which: they are frozen as a job, which `start` starts. What moves money
    is kept as a proposal until another person approves it.
    """
    project = load_sound(root)
    said = _said(project, options)
    query = query_from(options, project)
    if key is None and query.is_all:
        fail("without a condition it would mean every instance: give a KEY, or a condition")
    if key is not None and not query.is_all:
        fail("a KEY says which instance: leave the conditions out")
    wish = _Wish(
        project=project,
        root=root,
        environment=environment,
        style=style,
        said=said,
        reason=options["reason"],
        tried=options["dry_run"],
    )
    if key is None:
        wish.of_many(query, options["rate"])
    else:
        wish.of_one(query.workflow, key)


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """What somebody wants to order, where, and whether it is only tried."""

    project: Project
    root: Path
    environment: str
    style: str
    said: Mapping[str, Any]
    reason: str
    tried: bool

    @property
    def meant(self) -> Ordered:
        """Return the order, as this person gives it."""
        return ordered(self.said, {"actor": getpass.getuser(), "reason": self.reason})

    def of_one(self, name: str, key: str) -> None:
        """Order it of one instance, and tell what came of it."""
        with looking(self.project, self.environment) as (reader, definitions):
            kept = the_instance(reader, self.project, name, key)
            definition = definitions.by_mark(kept.mark, name, reader)
        if definition is None:
            fail(f"the definition {kept.mark} of {name} {key} is lost: it cannot go on")
        if self.tried:
            told = foresee(kept, definition, self.meant, SystemClock().now())
            self._print({"dry_run": told}, list(foreseen_lines(told)))
            return
        arguments: dict[str, Any] = {"instance": kept.id, "workflow": name, "key": kept.key}
        money = moves_money(definition, self.said["verb"], self.said["step"])
        arguments |= {"order": self.said, "money": money, "reason": self.reason}
        result = ask(self.root, self.environment, "order", arguments)
        _tell(self.project, (self.environment, self.style), "workflow order", result)

    def of_many(self, query: InstanceQuery, rate: int) -> None:
        """Plan a job of it, with what would come of it; or only look at that."""
        step = self.project.workflows[query.workflow].steps.get(self.said["step"])
        each = step is not None and bool(step.each) and not self.said["item"]
        status = query.status if query.status in WAITS else ""
        with looking(self.project, self.environment) as (reader, definitions):
            ids = reader.overview.ids(query)
            meant = (self.meant, each, status)
            counts = foresee_all(reader, definitions, meant, (ids, SystemClock().now()))
            money = _is_money(reader, definitions, query, self.meant)
        lines = [f"{n:>8} {what}" for what, n in counts.most_common()]
        data: dict[str, Any] = {"instances": len(ids), "outcomes": dict(counts), "money": money}
        if self.tried:
            ending = "nothing was written"
            self._print({"dry_run": data}, [some(len(ids), "instances"), *lines, ending])
            return
        options = {"rate": rate, "each": each, "status": status, "money": money}
        told = {"query": asdict(query), "order": self.said, "reason": self.reason}
        result = ask(self.root, self.environment, "plan_orders", {**told, **options})
        frozen = some(result["totals"]["all"], "instances")
        first = f"job {result['job']}: {frozen}, {rate} a second"
        self._print({**data, **result}, [first, *lines, _next(result)])

    def _print(self, data: Mapping[str, Any], lines: list[str]) -> None:
        show(self.style, "workflow order", data, lines)


@click.command("proposals")
@place_options
@format_option
def proposals(root: Path, environment: str, style: str) -> None:
    """List what waits for a second person because it moves money."""
    with reading(load_sound(root), environment) as reader:
        found = reader.inbox.in_state(PROPOSED)
    data = [_proposal_data(one) for one in found]
    lines = [_proposal_line(one) for one in data] or ["none"]
    show(style, "workflow proposals", {"proposals": data}, lines)


@click.command("approve")
@click.argument("proposal", type=int)
@reason_option
@place_options
@format_option
def approve(proposal: int, reason: str, root: Path, environment: str, style: str) -> None:
    """Approve what another person proposed: it is carried out."""
    arguments = {"proposal": proposal, "reason": reason}
    result = ask(root, environment, "approve", arguments)
    _tell(load_sound(root), (environment, style), "workflow approve", result)


@click.command("reject")
@click.argument("proposal", type=int)
@reason_option
@place_options
def reject(proposal: int, reason: str, root: Path, environment: str) -> None:
    """Give up a proposal; nothing is done."""
    ask(root, environment, "reject", {"proposal": proposal, "reason": reason})
    click.echo(f"proposal {proposal} is rejected")


@click.command("unpark")
@click.argument("message")
@click.option("--to", metavar="KEY", default="", help="The instance that it is about.")
@click.option("--discard", is_flag=True, help="Give it up.")
@reason_option
@place_options
def unpark(message: str, to: str, reason: str, root: Path, environment: str, **how: bool) -> None:
    """Let an event that waits for its instance be looked at again, or give it up.

    Without --to its instance is looked for by the names that it has; where there is none as yet, it
    waits anew.
    """
    if to and how["discard"]:
        fail("it is about an instance (--to), or given up (--discard)")
    project, instance = load_sound(root), ""
    if to:
        with looking(project, environment) as (reader, _):
            row = reader.overview.parked_row(message)
            if row is None:
                fail(f"no event {message} waits: see router workflow parked")
            name = row.consumer.partition(":")[2]
            instance = the_instance(reader, project, name, to).id
    arguments = {"message": message, "reason": reason, "instance": instance, **how}
    ask(root, environment, "unpark", arguments)
    click.echo("given up" if how["discard"] else f"looked at again: router trace {message}")


def _said(project: Project, options: dict[str, Any]) -> dict[str, Any]:
    """Return what is ordered, taken out of the options; fail for what cannot be."""
    name = workflow_of(project, options["workflow"]).name
    verb, step = options.pop("verb"), options.pop("step")
    said = {"verb": verb, "step": step, "item": options.pop("item")}
    steps = project.workflows[name].steps
    if verb in OF_STEPS and not step:
        fail(f"{verb} is about a step: give --step, {nearest('', steps)}")
    if step and step not in steps:
        fail(f"no step {step} in {name}: {nearest(step, steps)}")
    text = options.pop("value")
    if text:
        said["value"] = _value(text)
    return said


def _value(text: str) -> Any:
    if text[0] not in _JSON and text not in ("true", "false", "null"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        fail(f"--value is not JSON: {error}")


def _is_money(
    reader: Reader, definitions: Definitions, query: InstanceQuery, said: Ordered
) -> bool:
    """Return whether an order may move money by any definition of the instances that are meant."""
    some = (
        definitions.by_mark(one, query.workflow, reader) for one in reader.overview.marks(query)
    )
    return any(moves_money(one, said.verb, said.step) for one in some if one is not None)


def _next(result: Mapping[str, Any]) -> str:
    if "proposal" in result:
        return _proposed(result["proposal"])
    return f"start it with: router workflow start {result['job']}"


def _proposed(number: int) -> str:
    return (
        f"it moves money, proposal {number} waits for another person: "
        f"router workflow approve {number}"
    )


def _tell(project: Project, place: tuple[str, str], command: str, result: dict[str, Any]) -> None:
    """Tell what came of an order: its turn, or what it waits for. Exits with 1 when refused."""
    environment, style = place
    if "message" not in result:
        number = result.get("job")
        runs = f"job {number} runs: router workflow job {number}"
        line = runs if number is not None else _proposed(result["proposal"])
        show(style, command, {"result": result}, [line])
        return
    waits_for = _waits_for(project, environment, result["workflow"])
    if waits_for:
        line = f"it is carried out when {waits_for}: router trace {result['message']}"
        show(style, command, {"result": {**result, "outcome": ""}}, [line])
        return
    found = _outcome(project, environment, result["message"])
    why = f": {found['why']}" if found["why"] else ""
    line = f"{found['outcome']}{why}" + (f", {found['label']}" if found["label"] else "")
    ok = found["outcome"] == "applied"
    show(style, command, {"result": {**result, **found}}, [line], ok=ok)
    if not ok:
        sys.exit(FINDINGS)


def _waits_for(project: Project, environment: str, workflow: str) -> str:
    """Return what an order waits for beside its turn; empty for nothing."""
    if not is_running(project, environment):
        return "the daemon runs"
    with reading(project, environment) as reader:
        stands = stands_still(reader, workflow)
    return f"{consumer_of(workflow)} goes on" if stands else ""


def _outcome(project: Project, environment: str, message: str) -> dict[str, Any]:
    """Return what came of the turn of an order, waiting for it; fail when it does not come."""
    wait = threading.Event()
    for _ in range(int(PATIENCE / PAUSE)):
        with reading(project, environment) as reader:
            for made in reader.overview.turned(message):
                return {name: made[name] for name in ("outcome", "why", "label")}
            for letter in reader.letters.find(LetterQuery(message_id=message)):
                why = f"{letter['reason']}: {letter['detail']}"
                return {"outcome": "dead letter", "why": why, "label": ""}
        wait.wait(PAUSE)
    return fail(f"its turn did not come in time; it is on its way: router trace {message}")


def _proposal_data(one: Command) -> dict[str, Any]:
    told = {"proposal": one.id, "by": one.actor, "at": one.at, "reason": one.arguments["reason"]}
    kept = ("workflow", "key", "job", "order")
    return told | {name: one.arguments[name] for name in kept if name in one.arguments}


def _proposal_line(one: Mapping[str, Any]) -> str:
    said = one["order"]
    what = f"{said['verb']} {path_of(said['step'], said['item'])}"
    where = f"job {one['job']}" if "job" in one else f"{one['workflow']} {one['key']}"
    value = f" {json.dumps(said['value'])}" if "value" in said else ""
    by = f"{one['proposal']} {minute(one['at'])} {one['by']}"
    return f"{by}: {what}{value} of {where}, {one['reason']}"


def show(
    style: str, command: str, data: Mapping[str, Any], lines: list[str], *, ok: bool = True
) -> None:
    """Print what a command found, as the envelope or as lines."""
    if style == "json":
        click.echo(envelope(command, ok=ok, data=data))
        return
    for line in lines:
        click.echo(visible(line))


ORDERING = (order, proposals, approve, reject, unpark, *job_commands("workflow", "job"))
