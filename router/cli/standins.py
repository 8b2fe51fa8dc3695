"""Owns: stand-ins of the commands for completion: quick, because no command is loaded.
Imports: click, cli.names.
Never: does anything when it is called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from router.cli.names import names_of

#: written by scripts/reference.py
WORDS = Path(__file__).parent / "words.json"

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def standin(name: str) -> click.Command | None:
    """Return the stand-in of a command of `router`."""
    known = json.loads(WORDS.read_text(encoding="utf-8"))["commands"]
    return _command(name, known[name]) if name in known else None


def _command(name: str, words: Mapping[str, Any]) -> click.Command:
    params = [_param(one) for one in words["params"]]
    if "commands" not in words:
        return click.Command(name, params=params, help=words["help"])
    inner = {name: _command(name, one) for name, one in words["commands"].items()}
    return click.Group(name, commands=inner, params=params, help=words["help"])


def _param(words: Mapping[str, Any]) -> click.Parameter:
    kind: Any = str
    if "few" in words:
        kind = click.Choice(words["few"])
    elif "type" in words:
        kind = click.Path(file_okay=words["type"] == "file")
    completes = _completer(words["named"]) if "named" in words else None
    if "opts" not in words:
        count = -1 if words["many"] else 1
        return click.Argument(
            [words["name"]], nargs=count, type=kind, required=False, shell_complete=completes
        )
    if words["flag"]:
        return click.Option([*words["opts"], words["name"]], is_flag=True, help=words["help"])
    return click.Option(
        [*words["opts"], words["name"]],
        multiple=words["many"],
        type=kind,
        help=words["help"],
        shell_complete=completes,
    )


def _completer(what: str) -> Completer:
    def complete(
        context: click.Context, _param: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        root = Path(str(context.params.get("root") or "."))
        found = names_of(what, root, context.params)
        return [CompletionItem(name) for name in found if name.startswith(begun)]

    return complete
