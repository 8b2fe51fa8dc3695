"""Owns: the lineage of a field as Mermaid: fields, and what leads from one to another.
Imports: config.lineage, config.atlas.mermaid.
Never: lets a name become syntax.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router.config.atlas.mermaid import quoted
from router.config.lineage.ask import FROM, Link
from router.config.lineage.paths import Path

#: two fields, and the makers between them
_Edge = tuple[str, str]


def drawn(asked: Path, sources: Iterable[Link], targets: Iterable[Link]) -> str:
    """Return the ways to a field and from it as a flowchart, without a last line end.

    What only decides is a dotted arrow.
    """
    solid: dict[_Edge, set[str]] = {}
    dotted: dict[_Edge, set[str]] = {}
    for links, begin in ((sources, None), (targets, asked)):
        for link in links:
            drawing = solid if link.role == FROM else dotted
            for edge, maker in _edges(link, begin):
                drawing.setdefault(edge, set()).add(maker)
    fields = dict.fromkeys(field for edge in (*solid, *dotted) for field in edge)
    ids = {field: f"f{number}" for number, field in enumerate(sorted({*fields, str(asked)}), 1)}
    lines = ["flowchart LR"]
    lines += [f"  {one}[{quoted(field)}]" for field, one in ids.items()]
    lines += [
        f"  {ids[first]} -- {quoted(_some(solid[first, last]))} --> {ids[last]}"
        for first, last in sorted(solid)
    ]
    lines += [
        f"  {ids[first]} -. {quoted(_some(dotted[first, last]))} .-> {ids[last]}"
        for first, last in sorted(dotted.keys() - solid.keys())
    ]
    return "\n".join(lines)


def _edges(link: Link, begin: Path | None) -> Iterator[tuple[_Edge, str]]:
    for way in link.ways:
        first = begin or link.path
        for hop in way:
            yield (str(first), str(hop.made)), hop.maker
            first = hop.made


def _some(makers: set[str]) -> str:
    first, *more = sorted(makers)
    return f"{first} and {len(more)} more" if more else first
