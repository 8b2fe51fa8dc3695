"""Owns: `router init`: a project that works at once, from a packaged template.
Imports: click.
Never: writes into a folder that has a project.
"""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.common import fail

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
#: folders of state and of secrets, which are nobody's source
_IGNORED = "var/\nsecrets/\n"


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--template",
    type=click.Choice(["minimal", "returns"]),
    default="minimal",
    show_default=True,
    help="What the project is about.",
)
def init(folder: Path, template: str) -> None:
    """Make a project in FOLDER (default: this one) that checks, tests and runs as it is.

    Its README.md says what is where. Nothing is written over.
    """
    source = TEMPLATES / template
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }
    there = [name for name in files if (folder / name).exists()]
    if there or (folder / "routes").exists():
        fail(f"{folder}/ has {there[0] if there else 'routes'} already: nothing was written")
    if not (folder / ".gitignore").exists():
        files[".gitignore"] = _IGNORED.encode()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    click.echo(f"made {len(files)} files in {folder}/: read README.md")
    click.echo("next: router check" + ("" if folder == Path() else f" --project {folder}"))
