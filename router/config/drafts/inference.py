"""Owns: the schema that samples fit: types, what is always there, formats, bounds.
Imports: config.drafts.forms, config.drafts.names, core.
Never: closes an object; writes a value of a sample down, unless few values come again and again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from router.config.drafts import forms
from router.config.drafts.names import (
    Words,
    is_personal,
    may_name_money,
    names_a_code,
    names_a_word,
    names_an_id,
    words_of,
)
from router.config.schemas import DIALECT
from router.core.document import Json

Schema = dict[str, Any]

#: bounds of texts: the first that holds twice the longest one seen
_LENGTHS = (64, 255, 1024, 5000, 65536, 1048576)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
#: values become an enum when there are at most so many, seen so often, each so often: where the
#: name says that they are words of a list, and where only the repeats say it
_FEW, _NAMED, _REPEATED = 5, (6, 2), (24, 6)
_CURRENCY = {"maxLength": 3, "pattern": "^[A-Z]{3}$"}
_AMOUNT = "^[+-]?[0-9]{1,18}(\\.[0-9]{1,6})?$"
_FORMATS = {"instant": "date-time", "day": "date", "uuid": "uuid"}
PERHAPS_MINOR = "An amount beside a currency; whole in every sample: minor units, perhaps."
#: forms of plain digits, which an id can have by chance
_COUNTED = ("seconds", "milliseconds", "short_day")
_TOLD = {
    "instant_loose": "A time with its offset, not quite as RFC 3339 writes it.",
    "local": "A local time without offset: its zone must be known from elsewhere.",
    "ticks": "A time as OData writes it: milliseconds since 1970.",
    "seconds": "Seconds since 1970, as it seems.",
    "milliseconds": "Milliseconds since 1970, as it seems.",
    "short_day": "A date written CCYYMMDD, as it seems.",
}


def contract_schema(name: str, doc: str, samples: Sequence[Json]) -> Schema:
    """Return the schema of an inbound contract, version 1.0.0, that every sample fits."""
    head = {
        "$schema": DIALECT,
        "$id": f"urn:contract:{name}:1.0.0",
        "title": " ".join(words_of(name.rpartition("/")[2])),
        "description": doc,
    }
    made = infer(samples)
    _widen(made, set(_with_points(made)))
    return {**head, **made}


def infer(values: Sequence[Json], *, near_currency: bool = False, name: str = "") -> Schema:
    """Return the schema that all values fit; `near_currency`: a currency stands beside them.

    `name` is how the samples call them: an id is no time, whatever its digits look like. An amount
    is a number, for the next one has cents.
    """
    there = [one for one in values if one is not None]
    if not there:
        return {"description": "Null, or nothing at all, in every sample."}
    kinds = sorted({_kind(one) for one in there})
    money = near_currency and _are_amounts(there, name)
    if "integer" in kinds and (money or "number" in kinds):
        kinds = sorted({*kinds, "number"} - {"integer"})
    if len(there) < len(values):
        kinds.append("null")
    made: Schema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    notes = [_mixed(kinds)]
    if objects := [one for one in there if isinstance(one, dict)]:
        made.update(_object(objects))
    if lists := [one for one in there if isinstance(one, list)]:
        made.update(_list(lists))
    if texts := [one for one in there if isinstance(one, str)]:
        made.update(_text(texts, words_of(name), bounded=money))
    if money:
        notes.append(_amount_note(there))
    form = forms.form_of(there)
    notes.append("" if form in _COUNTED and names_an_id(words_of(name)) else _TOLD.get(form, ""))
    if texts and not form and is_personal(words_of(name)):
        made["x-pii"] = "contact"
    told = " ".join(one for one in notes if one)
    return {"description": told, **made} if told else made


def _object(objects: Sequence[dict[str, Json]]) -> Schema:
    keys = list(dict.fromkeys(key for one in objects for key in one))
    held = {key: [one[key] for one in objects if key in one] for key in keys}
    beside = any(
        forms.is_currency([v for v in values if v is not None]) for values in held.values()
    )
    required = [key for key in keys if len(held[key]) == len(objects)]
    made: Schema = {"required": required} if required else {}
    made["properties"] = {
        key: infer(values, near_currency=beside, name=key) for key, values in held.items()
    }
    return made


def _list(lists: Sequence[list[Json]]) -> Schema:
    longest = max(len(one) for one in lists)
    bound = max(100, 10 ** len(str(longest * 10 - 1)))
    items = [item for one in lists for item in one]
    return {"maxItems": bound, **({"items": infer(items)} if items else {})}


def _text(texts: Sequence[str], words: Words, *, bounded: bool) -> Schema:
    form = forms.form_of(texts)
    if form in _FORMATS:
        return {"format": _FORMATS[form]}
    if form == "mail":
        return {"maxLength": 255, "x-pii": "contact"}
    if bounded or all(forms.DECIMAL.fullmatch(one) for one in texts):
        return {"maxLength": 26, "pattern": _AMOUNT}
    if "currency" in words and forms.is_currency(texts):
        capitals = all(one == one.upper() for one in texts)
        return dict(_CURRENCY) if capitals else {"maxLength": 3, "pattern": "^[A-Za-z]{3}$"}
    if _is_word_list(texts, words):
        return {"enum": sorted(set(texts))}
    longest = max(len(one) for one in texts)
    return {"maxLength": next((n for n in _LENGTHS if n >= 2 * longest), 2 * longest)}


def _is_word_list(texts: Sequence[str], words: Words) -> bool:
    """Return whether texts are words of a list; ids and codes are not, however few were seen."""
    counted = Counter(texts)
    named = names_a_word(words)
    often, each = _NAMED if named else _REPEATED
    form = _CODE if named else _WORD
    return (
        1 < len(counted) <= _FEW
        and not names_a_code(words)
        and len(texts) >= often
        and min(counted.values()) >= each
        and all(form.fullmatch(one) for one in counted)
    )


def _are_amounts(values: Sequence[Json], name: str) -> bool:
    """Return whether numbers beside a currency are amounts; text without a point is an id."""
    texts = [one for one in values if isinstance(one, str)]
    points = not texts or any(map(forms.is_fraction, texts))
    return forms.are_numbers(values) and points and may_name_money(words_of(name))


def _with_points(schema: Any) -> Iterator[str]:
    """Yield the names of fields that are numbers with a point somewhere."""
    for name, inner in _fields(schema):
        if "number" in _types(inner) and may_name_money(words_of(name)):
            yield name


def _widen(schema: Any, names: set[str]) -> None:
    """Make whole fields numbers where another one of the same name has a point."""
    for name, inner in _fields(schema):
        types = _types(inner)
        if name in names and "integer" in types:
            wider = sorted({*types, "number"} - {"integer", "null"})
            wider += ["null"] if "null" in types else []
            inner["type"] = wider[0] if len(wider) == 1 else wider


def _fields(schema: Any) -> Iterator[tuple[str, Schema]]:
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from _fields(inner)
    if "items" in schema:
        yield from _fields(schema["items"])


def _types(schema: Schema) -> list[str]:
    given = schema.get("type", [])
    return [given] if isinstance(given, str) else list(given)


def _amount_note(values: Sequence[Json]) -> str:
    if forms.all_of(values, int):
        return PERHAPS_MINOR
    if forms.all_of(values, str):
        return "An amount beside a currency, as decimal text."
    return "An amount beside a currency, as a number."


def _mixed(kinds: Sequence[str]) -> str:
    kinds = [one for one in kinds if one != "null"]
    if len(kinds) < 2:
        return ""
    if "array" in kinds:
        return "One, or a list of them: as_list() makes it a list."
    return f"Comes as {' or '.join(kinds)}."


def _kind(value: Json) -> str:
    for name, kind in (
        ("boolean", bool),
        ("integer", int),
        ("number", float),
        ("string", str),
        ("array", list),
    ):
        if isinstance(value, kind):
            return name
    return "object"
