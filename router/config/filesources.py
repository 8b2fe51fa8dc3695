"""Owns: sources of files: which are taken, how they are written, when they are whole.
Imports: config.components, config.formats, config.references.
Never: looks into a folder (runtime does), says where it is (the environment does).
"""

from __future__ import annotations

from datetime import timedelta

from router.config.components import Context, component, knob
from router.config.controls import ENDING, Control, check_control
from router.config.formats import (
    MANY,
    MANY_SAYS,
    ForeignSource,
)
from router.config.shapes import DURATION, SIZE, Choice, Nested, Text
from router.config.transforms.expressions import Expression


@component("file source", doc="Files appear in a folder that the environment names.")
class FileSource(ForeignSource):
    pattern: str = knob(Text(), doc="which files, such as *.xml")
    stable: timedelta = knob(
        DURATION, doc="how long size and time must stand still", default=timedelta(seconds=2)
    )
    marker: str = knob(
        ENDING,
        doc="a file is taken when one with its whole name and this ending lies beside it",
        default="",
    )
    checksum: str = knob(
        Choice((".md5", ".sha1", ".sha256", ".sha512")),
        doc="a file is taken when one with its whole name and this ending lies beside it and says"
        " the digest that it has",
        default="",
    )
    control: Control | None = knob(
        Nested(Control), doc="control totals: what must be in a file", default=None
    )
    body_limit: int = knob(SIZE, doc="larger files are refused", default=64 * 1024 * 1024)
    records_limit: int = knob(MANY, doc=MANY_SAYS, default=100_000)

    @property
    def beside(self) -> dict[str, str]:
        """Return what must lie beside a file before it is taken: endings by the key of each."""
        control = self.control.beside if self.control is not None else None
        found = {
            "marker": self.marker,
            "checksum": self.checksum,
            "control": control.ending if control is not None else "",
        }
        return {key: ending for key, ending in found.items() if ending}


def check_files(source: FileSource, records: Expression | None, context: Context) -> None:
    """Report what must not be between the keys of a source."""
    _check_endings(source, context)
    if source.control is None:
        return
    check_control(source.control, context)
    if records is None and source.control.adds_up:
        context.report.error(
            "E129",
            source.control.place,
            "control: counts records, and a file is one message",
            "records: =body, beside file:",
        )


def _check_endings(source: FileSource, context: Context) -> None:
    seen: dict[str, str] = {}
    for key, ending in source.beside.items():
        if source.pattern.endswith(ending):
            context.report.error(
                "E124",
                source.keys[key],
                f"files that fit {source.pattern} end like the {key} {ending}: none is ever taken",
                f"name the files that carry records in pattern:, without {ending}",
            )
        other = seen.setdefault(ending, key)
        if other != key:
            context.report.error(
                "E133",
                source.keys[key],
                f"{ending} is the ending of {other}: already",
                "each file that lies beside has an ending of its own",
            )
