"""Owns: reference tables: keys to one value, with a declared default.
Imports: core.
Never: drops an unknown key silently: it takes the default and says so in `missing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.core.diagnostics import Place
from router.core.document import Json, type_name
from router.core.errors import NullKey, TransformError

#: of a table without a default
UNKNOWN_KEY = "unknown key and no default: add a row"
#: of a key that a row cannot help
NULL_KEY = "of the key is null, and there is no default: it is missing where it is read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A versioned table. `columns` names its key columns; rows map their texts to the value.

    `default` is None when an unknown key is an error.
    """

    name: str
    place: Place
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Json]
    has_default: bool
    default: Json
    source: str

    def check_keys(self, given: int) -> str:
        """Return what is wrong with this many keys, or an empty text."""
        if given == len(self.columns):
            return ""
        return f"lookup() with {given} keys: write lookup('{self.name}', {', '.join(self.columns)})"

    def lookup(self, keys: Sequence[Json]) -> Json:
        """Return the value for the keys, or the default. A number matches its text.

        Raises TransformError when the key is unknown and the table has no default.
        """
        texts = []
        for key in keys:
            if isinstance(key, bool) or not isinstance(key, str | int | None):
                raise TransformError(f"lookup('{self.name}'): a key is a {type_name(key)}")
            texts.append("" if key is None else str(key))
        found = self.rows.get(tuple(texts), self)
        if found is not self:
            return found
        if self.has_default:
            return self.default
        if None in keys:
            raise self._null(keys.index(None))
        raise TransformError(f"lookup('{self.name}'): {UNKNOWN_KEY}")

    def _null(self, part: int) -> NullKey:
        """Return the error of a key one part of which is null: a row would be the wrong mend."""
        error = NullKey(f"lookup('{self.name}'): {self.columns[part]} {NULL_KEY}")
        error.part = part
        return error
