"""Owns: `router sandbox`.
Imports: click, api.sandbox, runtime.sandbox.
Never: touches a store.
"""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.common import fail, load_sound, project_option, secrets_of
from router.core.diagnostics import nearest


@click.command("sandbox")
@click.argument("name", default="demo")
@project_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Another port than the file says; 0 takes a free one.",
)
def sandbox(name: str, root: Path, port: int | None) -> None:
    """Run the stand-in NAME of routes/sandboxes/ until Ctrl-C.

    It answers as declared and keeps what it is sent: look at /_sandbox and /_sandbox/COLLECTION.
    """
    project = load_sound(root)
    file = project.sandboxes.get(name)
    if file is None:
        fail(f"no sandbox {name}: {nearest(name, project.sandboxes)}")
    from router.api.events import Events  # noqa: PLC0415
    from router.api.sandbox import make_sandbox_app  # noqa: PLC0415
    from router.cli.run import listen, serve  # noqa: PLC0415
    from router.runtime.clock import SystemClock  # noqa: PLC0415
    from router.runtime.sandbox import Sandbox  # noqa: PLC0415

    wanted = file.http.port if port is None else port
    try:
        listener = listen(file.http.host, wanted)
    except OSError as error:
        fail(f"cannot listen on {file.http.host}:{wanted}: {error.strerror}")
    try:
        stand_in = Sandbox(file, project.root / "routes" / "sandboxes")
    except (OSError, ValueError) as error:
        fail(f"a seed cannot be read: {error}")
    secrets = secrets_of(project)
    for one in file.receivers.values():
        for reference in one.sign.secrets[:1] if one.sign is not None else ():
            try:
                secrets.get(reference)
            except LookupError:
                fail(f"the secret {reference} is missing, that events are signed with")
    address = listener.getsockname()
    click.echo(f"sandbox {name} on http://{address[0]}:{address[1]}, look at /_sandbox", err=True)
    app = make_sandbox_app(stand_in, Events(file.receivers, secrets, SystemClock()))
    serve([(app, listener)])
