"""Owns: the catalogue of finding codes: title, why, example, fix. The texts lie beside as YAML.
Imports: config.source.
Never: used while checking, unless something is ignored: `explain` and the reference page read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from router.config.source import Table, read_yaml

_FILE = Path(__file__).parent / "catalogue.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What one code means."""

    code: str
    title: str
    why: str
    wrong: str
    right: str


def load_catalogue() -> dict[str, Code]:
    """Return every code with its texts."""
    node, found = read_yaml(_FILE.read_text(), _FILE.name)
    assert not found, found
    assert isinstance(node, Table), "the catalogue is a mapping"
    made = {}
    for entry in node.entries:
        assert isinstance(entry.node, Table), entry.key
        texts = {key: entry.node.text_of(key) or "" for key in ("title", "why", "wrong", "right")}
        made[entry.key] = Code(code=entry.key, **texts)
    return made
