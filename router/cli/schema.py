"""Owns: `router schema`.
Imports: click, config.editor, cli.common.
Never: refuses a project with mistakes: what could be read of it is suggested.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from router.cli.common import fail, load, project_option
from router.cli.render import some
from router.config.editor.files import KINDS, file_schema
from router.config.library import Library
from router.config.project import library_of
from router.core.diagnostics import nearest
from router.runtime.installed import installed_adapters

#: what an editor's settings are printed for, and how its words are introduced
SETTINGS = """\
VS Code with the YAML extension: put this into .vscode/settings.json. Other editors with
yaml-language-server take the same mapping as their setting yaml.schemas."""
ONE_FILE = """\
One file alone: begin it with this line (paths are relative to the file).
# yaml-language-server: $schema={up}{folder}/channel.json"""
JETBRAINS = """\
JetBrains: Settings, Languages & Frameworks, Schemas and DTDs, JSON Schema Mappings: one mapping a
line, of JSON Schema version 2020-12, with the pattern after the colon."""


@click.command("schema")
@click.argument("kind", required=False)
@click.option(
    "--write",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the schema of every kind into this folder, and print the editor's settings.",
)
@project_option
def schema(kind: str | None, folder: Path | None, root: Path) -> None:
    """Print the JSON Schema of the files of one KIND, for editors. Without KIND: list the kinds.

    Keys, shapes, defaults and what they mean come from the loader's own definitions; names of
    contracts, policies, transforms, operations and tables of this project are suggested.
    """
    if kind is not None and kind not in KINDS:
        fail(f"no kind {kind}: {nearest(kind, KINDS)}")
    if kind is None and folder is None:
        click.echo("\n".join(f"{one.word:<12} {one.glob}" for one in KINDS.values()))
        return
    library = library_of(load(root)[0], installed_adapters())
    if folder is None:
        assert kind is not None, "one of the two is given"
        click.echo(_text(kind, library))
        return
    words = [kind] if kind is not None else list(KINDS)
    _write(words, folder, library)
    click.echo(f"{some(len(words), 'schemas')} in {folder.as_posix()}/\n")
    click.echo(_settings(words, folder.as_posix()))


def _text(kind: str, library: Library) -> str:
    return json.dumps(file_schema(KINDS[kind], library), indent=2)


def _write(words: list[str], folder: Path, library: Library) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for word in words:
            (folder / f"{word}.json").write_text(_text(word, library) + "\n")
    except OSError as error:
        fail(f"{folder}: {error.strerror}")


def _settings(words: list[str], folder: str) -> str:
    """Return what to tell each editor."""
    here = "" if folder.startswith("/") else "./"
    mapping = {f"{here}{folder}/{word}.json": list(KINDS[word].globs) for word in words}
    lines = [f"{folder}/{word}.json: {KINDS[word].glob}" for word in words]
    code = json.dumps({"yaml.schemas": mapping}, indent=2)
    one = ONE_FILE.format(up="../../" if here else "", folder=folder)
    return "\n\n".join((f"{SETTINGS}\n{code}", one, "\n".join((JETBRAINS, *lines))))
