"""Owns: `router dead`.
Imports: click, cli.asking, infra.store.
Never: changes anything without a reason.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from router.cli.asking import ask
from router.cli.common import (
    FINDINGS,
    choose,
    environment_option,
    fail,
    format_option,
    load_sound,
    project_option,
    store_path,
)
from router.cli.render import envelope, visible
from router.core.errors import MessageError, Unavailable
from router.infra.codecs import decode_json
from router.infra.store.letters import LetterQuery
from router.infra.store.store import Store

reason_option = click.option("--reason", required=True, help="Why; kept with the message.")


@click.group("dead")
def dead() -> None:
    """Look at dead letters, and say what is to become of them.

    A dead letter is a message that needs a person. It keeps its original bytes, the reason, and the
    place that refused it. Where order matters, later messages of its key wait behind it.
    """


@dead.command("list")
@click.option("--consumer", default="", help="Only of this route, flow or operation.")
@click.option("--why", default="", help="Only with this reason word.")
@click.option("--state", default="open", show_default=True, help="open, retried, edited, resolved.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@project_option
@environment_option
@format_option
def list_letters(
    consumer: str, why: str, state: str, limit: int, root: Path, environment: str, style: str
) -> None:
    """List dead letters, the newest first, and count them by consumer and reason."""
    query = LetterQuery(state=state, consumer=consumer, reason=why, limit=limit)
    with _open(root, environment).read() as reader:
        letters, groups = reader.letters.find(query), reader.letters.groups(query)
    if style == "json":
        click.echo(envelope("dead list", ok=True, data={"letters": letters, "groups": groups}))
        return
    for letter in letters:
        line = (
            f"{letter['at'][:19]}Z {letter['message_id']} {letter['consumer']}: {letter['reason']}"
        )
        click.echo(visible(f"{line} {letter['detail'][:100]}".rstrip()))
    for group in groups:
        click.echo(visible(f"{group['n']:>6}  {group['consumer']}  {group['reason']}"))


@dead.command("show")
@click.argument("message")
@click.option("--raw", is_flag=True, help="Write the original bytes and nothing else.")
@project_option
@environment_option
@format_option
def show(message: str, raw: bool, root: Path, environment: str, style: str) -> None:  # noqa: FBT001
    """Show one dead letter with all that is known of it."""
    with _open(root, environment).read() as reader:
        letters = reader.letters.find(LetterQuery(state="", message_id=message))
        body = reader.letters.original(message)
        rows = [reader.letters.open_row(one["message_id"], one["consumer"]) for one in letters]
    if not letters:
        click.echo(f"no dead letter {message}", err=True)
        sys.exit(FINDINGS)
    if raw:
        sys.stdout.buffer.write(body or b"")
        return
    payloads = [row.message.payload if row is not None else None for row in rows]
    if style == "json":
        click.echo(envelope("dead show", ok=True, data={"letters": letters, "payloads": payloads}))
        return
    for letter, payload in zip(letters, payloads, strict=True):
        for name, value in letter.items():
            click.echo(visible(f"{name:<14} {value}"))
        click.echo(visible(json.dumps(payload, indent=2, ensure_ascii=False)))


@dead.command("retry")
@click.argument("message")
@reason_option
@project_option
@environment_option
def retry(message: str, reason: str, root: Path, environment: str) -> None:
    """Put one message on its way again, unchanged, as its next attempt."""
    result = ask(root, environment, "retry", {"message": message, "reason": reason})
    click.echo(f"{result['retried']} on their way again")


@dead.command("edit")
@click.argument("message")
@click.argument("file", type=click.File("rb"))
@reason_option
@project_option
@environment_option
def edit(message: str, file: BinaryIO, reason: str, root: Path, environment: str) -> None:
    """Send the payload in FILE instead, as a new message that the original has caused."""
    try:
        payload = decode_json(file.read())
    except MessageError as error:
        fail(f"{file.name}: {error}")
    arguments = {"message": message, "payload": payload, "reason": reason}
    click.echo(f"sent as {ask(root, environment, 'edit', arguments)['message']}")


@dead.command("resolve")
@click.argument("message")
@reason_option
@project_option
@environment_option
def resolve(message: str, reason: str, root: Path, environment: str) -> None:
    """Settle one message without sending it: what waits behind it goes on."""
    result = ask(root, environment, "resolve", {"message": message, "reason": reason})
    click.echo(f"{result['resolved']} resolved")


@dead.command("plan")
@click.option("--consumer", default="", help="Only of this route, flow or operation.")
@click.option("--why", default="", help="Only with this reason word.")
@click.option("--rate", type=click.IntRange(1, 10_000), default=50, show_default=True)
@reason_option
@project_option
@environment_option
def plan(consumer: str, why: str, rate: int, reason: str, root: Path, environment: str) -> None:
    """Freeze what a filter finds now as a job, and say how many; nothing is sent yet."""
    arguments = {"consumer": consumer, "reason_word": why, "rate": rate, "reason": reason}
    result = ask(root, environment, "plan", arguments)
    click.echo(f"job {result['job']}: {result['totals']['all']} messages, {rate} a second")
    click.echo(f"start it with: router dead start {result['job']}")


@dead.command("start")
@click.argument("job", type=int)
@project_option
@environment_option
def start(job: int, root: Path, environment: str) -> None:
    """Start a planned job, or go on with a cancelled one; the daemon sends."""
    ask(root, environment, "start", {"job": job})
    click.echo(f"job {job} runs: router dead job {job}")


@dead.command("cancel")
@click.argument("job", type=int)
@project_option
@environment_option
def cancel(job: int, root: Path, environment: str) -> None:
    """Stop a job: what was not sent stays a dead letter."""
    click.echo(_totals(ask(root, environment, "cancel", {"job": job})["totals"]))


@dead.command("job")
@click.argument("job", type=int)
@project_option
@environment_option
@format_option
def job_(job: int, root: Path, environment: str, style: str) -> None:
    """Show how far a job is; its counts add up to the set that was frozen."""
    with _open(root, environment).read() as reader:
        found = reader.letters.job(job)
    if found is None:
        click.echo(f"no job {job}", err=True)
        sys.exit(FINDINGS)
    if style == "json":
        click.echo(envelope("dead job", ok=True, data={"job": found}))
        return
    click.echo(f"job {job} {found['state']}: {_totals(found['totals'])}")


def _totals(totals: dict[str, Any]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in totals.items())


def _open(root: Path, environment: str) -> Store:
    project = load_sound(root)
    try:
        return Store.to_read(store_path(project, choose(project, environment)))
    except Unavailable as error:
        fail(str(error))
