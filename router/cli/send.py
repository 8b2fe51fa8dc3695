"""Owns: `router send`.
Imports: click, httpx, api.guard.
Never: gives up on a delivery that may not have been stored: it sends it again, the same bytes.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import click

from router.api.guard import headers_for
from router.cli.common import FINDINGS, choose, fail, load_sound, place_options, secrets_of
from router.config.channels import Channel, HttpSource, Route
from router.core.diagnostics import nearest
from router.core.ports import Secrets
from router.runtime.clock import SystemClock

#: seconds between two tries of one delivery
PAUSE = 0.2
#: seconds for one try
TIMEOUT = 10.0


@click.command("send")
@click.argument("channel")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--header",
    "-H",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header; {n} becomes the number of the file.",
)
@click.option("--tries", type=click.IntRange(1, 1000), default=20, show_default=True)
@place_options
def send(
    channel: str,
    files: tuple[Path, ...],
    headers: tuple[str, ...],
    tries: int,
    root: Path,
    environment: str,
) -> None:
    """Post FILES to CHANNEL of the running router, signed with the channel's first secret.

    Each is sent again until the router has answered 202. Exits with 1 when one was refused.
    """
    project = load_sound(root)
    found = project.channels.get(channel)
    if found is None:
        fail(f"no channel {channel}: {nearest(channel, project.channels)}")
    if not isinstance(found.source, HttpSource):
        fail(f"{channel} takes files: put them into its folder")
    settings = choose(project, environment)
    url = f"http://{settings.http.host}:{settings.http.port}{found.source.path}"
    extra: dict[str, str] = {}
    for text in headers:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"--header {text}: write NAME=VALUE")
        if not (text.isascii() and text.isprintable()):
            fail(f"--header {name}: printable ASCII only")
        extra[name.lower()] = value
    if len(files) > 1:
        _check_ids(found, extra)
    refused = 0
    for number, path in enumerate(files, 1):
        own = {name: value.replace("{n}", str(number)) for name, value in extra.items()}
        status, text = deliver(url, path.read_bytes(), found, (own, secrets_of(project)), tries)
        click.echo(f"{path} {status} {text}")
        refused += status != 202
    if refused:
        sys.exit(FINDINGS)


def _check_ids(channel: Channel, headers: dict[str, str]) -> None:
    """Fail when several files would come as one delivery."""
    for route in channel.routes.values():
        parts = route.identity.delivery if isinstance(route, Route) else ()
        for part in parts:
            for name, value in headers.items():
                if f'"{name}"' in str(getattr(part, "source", "")) and "{n}" not in value:
                    fail(f"{name} tells deliveries apart: write -H {name}={value}-{{n}}")


def deliver(
    url: str, body: bytes, channel: Channel, seen: tuple[dict[str, str], Secrets], tries: int
) -> tuple[int, str]:
    """Post a body until it is taken or refused for good; return status and answer."""
    import httpx  # noqa: PLC0415

    extra, secrets = seen
    headers = {
        "content-type": "application/json",
        **extra,
        **signature(channel, body, extra, secrets),
    }
    wait = threading.Event()
    last: tuple[int, str] = (0, "no connection")
    for _ in range(tries):
        try:
            answer = httpx.post(
                url, content=body, headers=headers, timeout=TIMEOUT, trust_env=False
            )
        except httpx.HTTPError as error:
            last = (0, f"no answer from {url} ({type(error).__name__}): is router run running?")
        else:
            last = (answer.status_code, answer.text.strip())
            if answer.status_code < 500 and answer.status_code != 429:
                return last
        wait.wait(PAUSE)
    return last


def signature(channel: Channel, body: bytes, extra: dict[str, str], secrets: Secrets) -> Any:
    """Return the headers that prove a body for a channel; a signature in its records is its own."""
    source = channel.source
    assert isinstance(source, HttpSource), "only a webhook is signed"
    try:
        return headers_for(source.verify, body, extra, SystemClock().now(), secrets)
    except LookupError as error:
        fail(f"the secret {error} is missing")
