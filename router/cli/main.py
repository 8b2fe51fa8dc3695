"""Owns: the command `router`: which commands there are; each is loaded when it is called.
Imports: click.
Never: imports a command's module for --help of the whole.
"""

from __future__ import annotations

import signal
from importlib import import_module

import click

#: command -> (module, attribute, one line of help)
COMMANDS = {
    "bench": ("router.cli.bench", "bench", "Measure the pipeline on this machine."),
    "check": ("router.cli.check", "check", "Find every mistake in the project."),
    "completion": ("router.cli.completion", "completion", "Print what makes a shell complete."),
    "cursor": ("router.cli.cursor", "cursor", "Look at cursors of polls; put one elsewhere."),
    "dead": ("router.cli.dead", "dead", "Look at dead letters; retry, edit, resolve them."),
    "docs": ("router.cli.docs", "docs", "Write the reference of this landscape."),
    "drain": ("router.cli.pause", "drain", "Let what is there finish, begin nothing new."),
    "eval": ("router.cli.evaluate", "evaluate", "Evaluate one expression over a document."),
    "explain": ("router.cli.explain", "explain", "Say why a finding matters and how to mend it."),
    "graph": ("router.cli.graph", "graph", "Draw what leads where in the landscape."),
    "init": ("router.cli.init", "init", "Make a project that works at once."),
    "lineage": ("router.cli.lineage", "lineage", "Say where a field comes from, what it feeds."),
    "new": ("router.cli.new", "new", "Write the draft of a channel, a flow or a system."),
    "pause": ("router.cli.pause", "pause", "Hold back a channel, a flow, a system or a workflow."),
    "replay": ("router.cli.replay", "replay", "Decide records anew; send what was not sent."),
    "resume": ("router.cli.pause", "resume", "Let what was paused go on."),
    "retention": ("router.cli.retention", "retention", "Say what ends when, and what has gone."),
    "run": ("router.cli.run", "run", "Run the daemon: take deliveries, route, call systems."),
    "sandbox": ("router.cli.sandbox", "sandbox", "Run a declared stand-in for systems."),
    "schema": ("router.cli.schema", "schema", "Write the schemas that editors check files with."),
    "send": ("router.cli.send", "send", "Post payloads to a running router, signed, until taken."),
    "status": ("router.cli.status", "status", "Count what happened to each kind, and what waits."),
    "test": ("router.cli.test", "test", "Run the tests beside routes, flows and systems."),
    "topology": ("router.cli.topology", "topology", "Say what a shared broker must hold."),
    "trace": ("router.cli.trace", "trace", "Follow one order, return or message through."),
    "verify": ("router.cli.verify", "verify", "Find out why a signature does not fit."),
    "workflow": ("router.cli.workflow", "workflow", "Test, check, draw and explore workflows."),
    "try": ("router.cli.rehearse", "rehearse", "Walk one payload through, without effect."),
}


class _Commands(click.Group):
    """Loads a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = COMMANDS.get(cmd_name)
        if found is None:
            return None
        if ctx.resilient_parsing:  # something is to be completed: no command is loaded
            from router.cli.standins import standin  # noqa: PLC0415

            return standin(cmd_name)
        command = getattr(import_module(found[0]), found[1])
        assert isinstance(command, click.Command), "COMMANDS names commands"
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # by router.cli.start
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from router.core.diagnostics import nearest  # noqa: PLC0415

            ctx.fail(f"no command {args[0]}: {nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


EPILOG = """\b
Begin with:
  router check                          find every mistake, with what to write instead
  router try CHANNEL FILE --kind KIND   see one payload become canonical objects
  router test                           run the tests beside the routes
  router run                            run the daemon on the embedded store

Exit codes: 0 well, 1 findings, 2 wrong use or failure."""


@click.command(
    cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="crossdock", prog_name="router")
def main() -> None:
    """Route business messages by configuration: channels in, canonical objects, systems out.

    Nothing is lost, nothing is done twice, and every message can be traced.
    """
