"""Owns: `router dead`.
Imports: click, cli.asking, cli.jobs, infra.store, runtime.dossier.
Never: changes anything without a reason.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

import click

from router.cli.asking import ask
from router.cli.common import FINDINGS, fail, format_option, load_sound, place_options
from router.cli.jobs import job_commands
from router.cli.kinds import When
from router.cli.reading import reading
from router.cli.render import envelope, visible
from router.core.errors import MessageError
from router.infra.codecs import decode_json
from router.infra.store.letters import LetterQuery
from router.runtime.dossier import dossier_lines, dossiers, request_bodies

reason_option = click.option("--reason", required=True, help="Why; kept with the message.")


@click.group("dead")
def dead() -> None:
    """Look at dead letters, and say what is to become of them.

    A dead letter is a message that needs a person. It keeps its original bytes, the reason, and the
    place that refused it. Where order matters, later messages of its key wait behind it.
    """


@dead.command("list")
@click.option("--consumer", default="", help="Only of this route, flow or operation.")
@click.option("--channel", default="", help="Only what came by this channel, or derives from it.")
@click.option("--why", "reason", default="", help="Only with this reason word.")
@click.option("--since", type=When(), help="Only from this time on: 2h (ago), or a time.")
@click.option("--until", type=When(), help="Only before this time: 2h (ago), or a time.")
@click.option("--state", default="open", show_default=True, help="open, retried, edited, resolved.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@place_options
@format_option
def list_letters(root: Path, environment: str, style: str, **query: Any) -> None:
    """List dead letters, the newest first, and count them by consumer and reason.

    A time has an offset, as in 2026-03-01T00:00:00Z.
    """
    wanted = LetterQuery(**query)
    with reading(load_sound(root), environment) as reader:
        letters, groups = reader.letters.find(wanted), reader.letters.groups(wanted)
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
@click.option(
    "--raw-request",
    is_flag=True,
    help="Write the body of the recorded request and nothing else; in JSON, beside the others.",
)
@place_options
@format_option
def show(root: Path, environment: str, style: str, message: str, **only: bool) -> None:
    """Show one dead letter with all that is known of it.

    What it is and why it died, its delivery with the original headers, every attempt, the revision,
    the recorded request of a command, what waits behind it, and its payload.
    """
    project = load_sound(root)
    with reading(project, environment) as reader:
        letters = dossiers(reader, message, project.operations)
        bodies = request_bodies(reader, message, project.operations)
        original = reader.letters.original(message)
    if not letters:
        click.echo(visible(f"no dead letter {message}"), err=True)
        sys.exit(FINDINGS)
    if only["raw"]:
        sys.stdout.buffer.write(original or b"")
        return
    if style == "json":
        for call in (call for letter in letters for call in letter["calls"] if only["raw_request"]):
            call["body"] = bodies[call["key"]].decode("utf-8", "backslashreplace")
        click.echo(envelope("dead show", ok=True, data={"letters": letters}))
        return
    if only["raw_request"]:
        sys.stdout.buffer.write(list(bodies.values())[-1] if bodies else b"")
        return
    click.echo("\n\n".join(visible("\n".join(dossier_lines(one))) for one in letters))


@dead.command("retry")
@click.argument("message")
@click.option("--whole", is_flag=True, help="Also what was taken in part, all of it.")
@reason_option
@place_options
def retry(root: Path, environment: str, **arguments: Any) -> None:
    """Put one message on its way again, unchanged, as its next attempt."""
    result = ask(root, environment, "retry", arguments)
    click.echo(f"{result['retried']} on their way again")


@dead.command("edit")
@click.argument("message")
@click.argument("file", type=click.File("rb"))
@reason_option
@place_options
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
@place_options
def resolve(message: str, reason: str, root: Path, environment: str) -> None:
    """Settle one message without sending it: what waits behind it goes on."""
    result = ask(root, environment, "resolve", {"message": message, "reason": reason})
    click.echo(f"{result['resolved']} resolved")


@dead.command("plan")
@click.option("--consumer", default="", help="Only of this route, flow or operation.")
@click.option("--why", default="", help="Only with this reason word.")
@click.option("--rate", type=click.IntRange(1, 10_000), default=50, show_default=True)
@reason_option
@place_options
def plan(consumer: str, why: str, rate: int, reason: str, root: Path, environment: str) -> None:
    """Freeze what a filter finds now as a job, and say how many; nothing is sent yet."""
    arguments = {"consumer": consumer, "reason_word": why, "rate": rate, "reason": reason}
    result = ask(root, environment, "plan", arguments)
    click.echo(f"job {result['job']}: {result['totals']['all']} messages, {rate} a second")
    click.echo(f"start it with: router dead start {result['job']}")


for command in job_commands("dead", "job"):
    dead.add_command(command)
