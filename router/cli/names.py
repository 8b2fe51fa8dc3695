"""Owns: the names of a project, quickly, for completion: from the names of files where they say it.
Imports: config.source, where a name stands inside a file.
Never: loads the project; complains: what cannot be read has no names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_CODE = re.compile(r"^([EW][0-9]{3}):$", re.MULTILINE)
_PRESET = re.compile(r"^([a-z][a-z0-9_]*):$", re.MULTILINE)
#: what can be held back, and the folder of its files
_PARTS = (
    ("channel", "channels"),
    ("flow", "flows"),
    ("system", "systems"),
    ("workflow", "workflows"),
)
_CONFIG = Path(__file__).parent.parent / "config"


def names_of(what: str, root: Path, said: Mapping[str, Any]) -> list[str]:
    """Return the names of one sort that a project has, sorted; `said` is what was typed before."""
    try:
        return sorted(set(_SOURCES[what](root, said)))
    except (OSError, UnicodeDecodeError, RecursionError):
        return []


def _stems(folder: str) -> Callable[[Path, Mapping[str, Any]], Iterator[str]]:
    def read(root: Path, _said: Mapping[str, Any]) -> Iterator[str]:
        for path in (root / "routes" / folder).glob("*.yaml"):
            if not path.name.endswith(".test.yaml"):
                yield path.stem

    return read


def _parts(root: Path, said: Mapping[str, Any]) -> Iterator[str]:
    for kind, folder in _PARTS:
        for name in _stems(folder)(root, said):
            yield f"{kind}:{name}"


def _contracts(root: Path, _said: Mapping[str, Any]) -> Iterator[str]:
    base = root / "contracts"
    for path in base.rglob("contract.yaml"):
        name = path.parent.relative_to(base).as_posix()
        for version in path.parent.glob("*.json"):
            yield f"{name}@{version.name.partition('.')[0]}"


def _things(root: Path, said: Mapping[str, Any]) -> Iterator[str]:
    for folder in ("channels", "flows", "systems"):
        yield from _stems(folder)(root, said)
    yield from _contracts(root, said)


def _operations(root: Path, said: Mapping[str, Any]) -> Iterator[str]:
    for system in _stems("systems")(root, said):
        for word in _keys(root / "routes" / "systems" / f"{system}.yaml", "operations"):
            yield f"{system}.{word}"


def _answers(root: Path, said: Mapping[str, Any]) -> Iterator[str]:
    return (f"{name}=" for name in _operations(root, said))


def _kinds(root: Path, said: Mapping[str, Any]) -> Iterator[str]:
    channel = said.get("channel")
    channels = [str(channel)] if channel else list(_stems("channels")(root, said))
    for name in channels:
        yield from _keys(root / "routes" / "channels" / f"{name}.yaml", "routes")


def _consumers(root: Path, said: Mapping[str, Any]) -> Iterator[str]:
    for name in _stems("channels")(root, said):
        for kind in _keys(root / "routes" / "channels" / f"{name}.yaml", "routes"):
            yield f"{name}:{kind}"
    yield from (f"flow:{name}" for name in _stems("flows")(root, said))
    yield from _operations(root, said)


def _cases(root: Path, _said: Mapping[str, Any]) -> Iterator[str]:
    for path in (root / "routes").rglob("*.test.yaml"):
        yield path.name.removesuffix(".test.yaml")
        cases = _document(path).get("tests")
        for case in cases if isinstance(cases, list) else ():
            if isinstance(case, dict) and isinstance(case.get("name"), str):
                yield case["name"]


def _codes(_root: Path, _said: Mapping[str, Any]) -> Iterator[str]:
    yield from _CODE.findall((_CONFIG / "catalogue.yaml").read_text(encoding="utf-8"))


def _presets(_root: Path, _said: Mapping[str, Any]) -> Iterator[str]:
    yield from _PRESET.findall((_CONFIG / "presets" / "verify.yaml").read_text(encoding="utf-8"))


def _keys(path: Path, key: str) -> Iterator[str]:
    found = _document(path).get(key)
    yield from found if isinstance(found, dict) else ()


def _document(path: Path) -> dict[str, Any]:
    """Return a file as far as it can be read; `{}` when it cannot."""
    from router.config.source import read_yaml, to_json  # noqa: PLC0415 (most names need no YAML)

    node, _ = read_yaml(path.read_text(encoding="utf-8"), path.name)
    made = to_json(node) if node is not None else None
    return made if isinstance(made, dict) else {}


_SOURCES: Mapping[str, Callable[[Path, Mapping[str, Any]], Iterator[str]]] = {
    "answers": _answers,
    "cases": _cases,
    "channels": _stems("channels"),
    "codes": _codes,
    "consumers": _consumers,
    "contracts": _contracts,
    "environments": _stems("environments"),
    "kinds": _kinds,
    "operations": _operations,
    "parts": _parts,
    "presets": _presets,
    "sandboxes": _stems("sandboxes"),
    "tables": _stems("tables"),
    "things": _things,
}
