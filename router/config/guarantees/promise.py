"""Owns: the words of guarantees, strong to weak, and `guarantee:`, by which an author promises.
Imports: config.components, config.shapes.
Never: computes what holds (config.guarantees.routes does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.config.components import component, keys_of, knob, place_of
from router.config.shapes import Choice
from router.core.diagnostics import Place

#: what is guaranteed of a route, each with its words from the strongest to the weakest
ASPECTS: Mapping[str, tuple[str, ...]] = {
    "loss": ("none", "possible"),
    "duplicates": ("none", "absorbed", "possible"),
    "order": ("key", "none"),
}


@component("guarantee", doc="What a route promises: `check` refuses what does not hold.")
class Promise:
    loss: str = knob(
        Choice(ASPECTS["loss"][:-1]),
        doc="none: what was taken reaches every far side, ends for a declared reason, or waits for"
        " a person",
        default="",
    )
    duplicates: str = knob(
        Choice(ASPECTS["duplicates"][:-1]),
        doc="none: no request that may have arrived leaves again; absorbed: only under a key that"
        " the far side honours, or when it says that it does not have it",
        default="",
    )
    order: str = knob(
        Choice(ASPECTS["order"][:-1]),
        doc="key: messages of the route with one key reach each far side in their order",
        default="",
    )
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()

    def words(self) -> dict[str, str]:
        """Return what is promised, by aspect."""
        return {one: word for one in ASPECTS if (word := getattr(self, one))}


def is_weaker(aspect: str, word: str, than: str) -> bool:
    """Return whether a word guarantees less than another of the same aspect."""
    words = ASPECTS[aspect]
    return words.index(word) > words.index(than)


def weakest(aspect: str, words: Iterable[str]) -> str:
    """Return the weakest of some words; of none the strongest that there is."""
    scale = ASPECTS[aspect]
    return max(words, key=scale.index, default=scale[0])
