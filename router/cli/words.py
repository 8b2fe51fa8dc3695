"""Owns: the commands as plain data (words.json): what completion needs, without loading a command.
Imports: click, cli.main.
Never: is loaded to complete something (cli.standins reads the data).
"""

from __future__ import annotations

import json
from typing import Any

import click

from router.cli.standins import WORDS
from router.config.editor.files import KINDS

#: parameters that take names of the project: (command, parameter) -> which; "" = in every command
NAMED = {
    ("", "environment"): "environments",
    ("explain", "code"): "codes",
    ("graph", "name"): "things",
    ("try", "channel"): "channels",
    ("try", "kind"): "kinds",
    ("try", "answers"): "answers",
    ("send", "channel"): "channels",
    ("verify try", "channel"): "channels",
    ("sandbox", "name"): "sandboxes",
    ("test", "only"): "cases",
    ("pause", "name"): "parts",
    ("drain", "name"): "parts",
    ("resume", "name"): "parts",
    ("dead list", "channel"): "channels",
    ("cursor set", "channel"): "channels",
    ("dead list", "consumer"): "consumers",
    ("dead plan", "consumer"): "consumers",
    ("replay plan", "channel"): "channels",
    ("replay plan", "kind"): "kinds",
    ("replay plan", "consumer"): "consumers",
    ("new channel", "verify"): "presets",
    ("new channel", "objects"): "contracts",
    ("new flow", "subject"): "contracts",
    ("new flow", "operation"): "operations",
}
#: parameters that take one of a few words which click does not know of
FEW = {("schema", "kind"): list(KINDS)}


def words_text(group: click.Group) -> str:
    """Return the text of words.json."""
    context = click.Context(group, info_name="router", **group.context_settings)
    made = words_of(group, context, "")
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def words_of(command: click.Command, context: click.Context, path: str) -> dict[str, Any]:
    """Return a command with its parameters and, of a group, its commands."""
    made: dict[str, Any] = {"help": command.get_short_help_str(limit=70)}
    made["params"] = [_param(one, path) for one in command.get_params(context)]
    if isinstance(command, click.Group):
        made["commands"] = {}
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            made["commands"][name] = words_of(inner, context, f"{path} {name}".strip())
    return made


def _param(param: click.Parameter, path: str) -> dict[str, Any]:
    name = param.name or ""
    made: dict[str, Any] = {"name": name, "many": param.multiple or param.nargs == -1}
    if isinstance(param, click.Option):
        made |= {"opts": list(param.opts), "flag": param.is_flag or param.count}
        made["help"] = (param.help or "").split(". ")[0]
    few = FEW.get((path, name)) or getattr(param.type, "choices", None)
    named = NAMED.get((path, name)) or NAMED.get(("", name))
    if few:
        made["few"] = [str(one) for one in few]
    elif named:
        made["named"] = named
    elif isinstance(param.type, click.Path) and not param.type.file_okay:
        made["type"] = "dir"
    elif isinstance(param.type, click.Path | click.File):
        made["type"] = "file"
    return made


__all__ = ["FEW", "NAMED", "WORDS", "words_of", "words_text"]
