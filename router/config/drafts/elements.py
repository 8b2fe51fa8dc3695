"""Owns: XML samples as a contract would shape them: what comes once is single, text is text.
Imports: core.
Never: reads XML (infra.codecs does).
"""

from __future__ import annotations

from collections.abc import Sequence

from router.core.document import Json

_TEXT = "$"


def shaped(documents: Sequence[Json]) -> list[Json]:
    """Return raw XML documents in the shape that the schema inferred of the result gives them.

    An element that came at most once in each place is single, one that has only text is a text.
    """
    return _alike(list(documents))


def _alike(elements: list[Json]) -> list[Json]:
    """Return elements that stand at one path; all are shaped alike."""
    if all(not isinstance(one, dict) or set(one) <= {_TEXT} for one in elements):
        return [one.get(_TEXT, "") if isinstance(one, dict) else one for one in elements]
    made: list[dict[str, Json]] = [
        dict(one) if isinstance(one, dict) else {_TEXT: one} for one in elements
    ]
    for key in dict.fromkeys(key for one in made for key in one):
        if key != _TEXT and not key.startswith("@"):
            _shape(made, key)
    return list(made)


def _shape(parents: list[dict[str, Json]], key: str) -> None:
    """Put in place of one child of each parent what it is shaped to."""
    lists = [(one, _listed(one[key])) for one in parents if key in one]
    flat = iter(_alike([item for _, items in lists for item in items]))
    single = all(len(items) == 1 for _, items in lists)
    for parent, items in lists:
        done = [next(flat) for _ in items]
        parent[key] = done[0] if single else done


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
