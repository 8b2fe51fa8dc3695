"""Owns: the library: every function that expressions may call beside JMESPath's own.
Imports: the modules of this package.
Never: a clock, randomness, the network; a name that JMESPath has.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.config.transforms.functions import (
    amounts,
    comparisons,
    lists,
    money,
    quantity,
    texts,
    times,
    values,
)
from router.config.transforms.functions.declare import Function, Parameter

__all__ = ["LIBRARY", "Function", "Parameter"]


def _by_name(*groups: tuple[Function, ...]) -> Mapping[str, Function]:
    library: dict[str, Function] = {}
    for one in (one for group in groups for one in group):
        if one.name in library:
            raise ValueError(f"two functions are called {one.name}")
        library[one.name] = one
    return MappingProxyType(library)


#: name to function, in the order of the reference page
LIBRARY: Mapping[str, Function] = _by_name(
    money.FUNCTIONS,
    amounts.FUNCTIONS,
    comparisons.FUNCTIONS,
    quantity.FUNCTIONS,
    times.FUNCTIONS,
    lists.FUNCTIONS,
    values.FUNCTIONS,
    texts.FUNCTIONS,
)
