"""Owns: how a value of a sample becomes a field of a contract: the expression, how well it fits.
Imports: config.drafts (columns, forms, goals, names, sources).
Never: looks at how the two are called (config.drafts.matching does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.config.drafts import columns, forms
from router.config.drafts.goals import Goal, allows, allows_negative
from router.config.drafts.names import words_of
from router.config.drafts.sources import Leaf, Scope, quoted
from router.config.transforms.tables import Table
from router.core.document import Json

#: what stands in a candidate for something that only the author knows
ZONE = "ZONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An expression over one leaf; `fit` from 0 to 1; not `ready`: the author must add to it."""

    expression: str
    leaf: Leaf
    fit: float = 1.0
    note: str = ""
    ready: bool = True
    table: str = ""
    #: other names than the leaf's own by which it may be known
    names: tuple[str, ...] = ()
    #: what the values can mean as well: the author must choose
    other: str = ""
    #: the column of the other side, when two columns are one amount
    column: Leaf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known beside the samples: the channel's name, tables, the identity's parts.

    `points`: the sender writes some numbers with a decimal point, if not those of this kind.
    """

    channel: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    identity: str = ""
    points: bool = False


def offer(goal: Goal, leaf: Leaf, scope: Scope, facts: Facts) -> Offer | None:
    """Return how a leaf could fill a field, or None where its values say no."""
    if goal.kind == "money":
        return _money(goal, leaf, scope, facts)
    if goal.kind == "quantity":
        return _quantity(goal, leaf, scope)
    if goal.kind == "word":
        return _word(goal, leaf, facts)
    make = _MAKERS.get(goal.kind)
    return make(goal, leaf) if make else None


def _text(goal: Goal, leaf: Leaf) -> Offer | None:
    if forms.all_of(leaf.values, str):
        return _text_of(goal, leaf, leaf.path, leaf.values)
    if forms.all_of(leaf.values, int):
        return _text_of(goal, leaf, f"text({leaf.path})", [str(one) for one in leaf.values])
    return None


def _text_of(
    goal: Goal, leaf: Leaf, expression: str, texts: list[Json] | tuple[Json, ...]
) -> Offer | None:
    if all(allows(goal, one) for one in texts):
        fit = 0.85 if forms.form_of(leaf.values).startswith(("instant", "local")) else 1.0
        return Offer(expression=expression, leaf=leaf, fit=fit)
    if all(allows(goal, one.upper()) for one in texts):
        return Offer(expression=f"upper({expression})", leaf=leaf)
    return None


def _word(goal: Goal, leaf: Leaf, facts: Facts) -> Offer | None:
    if not forms.all_of(leaf.values, str):
        return None
    path = leaf.path
    plain = path.replace("'", "")
    for expression, change in (
        (path, str),
        (f"lower({path})", str.lower),
        (f"replace(lower({plain}), ' ', '_')", lambda text: text.lower().replace(" ", "_")),
    ):
        if all(allows(goal, change(str(one))) for one in leaf.values):
            note = "only words that the samples have are known to fit"
            return Offer(expression=expression, leaf=leaf, fit=0.95, note=note)
    return _looked_up(goal, leaf, facts)


def _looked_up(goal: Goal, leaf: Leaf, facts: Facts) -> Offer | None:
    """Offer a table all of whose values are words of the field, and which knows a default."""
    for name, table in sorted(facts.tables.items()):
        values = (*table.rows.values(), table.default) if table.has_default else (None,)
        if not all(isinstance(one, str) and one in goal.words for one in values):
            continue
        keys = {1: leaf.path, 2: f"'{facts.channel}', {leaf.path}"}.get(len(table.columns))
        if keys is not None:
            return Offer(
                expression=f"lookup('{name}', {keys})",
                leaf=leaf,
                fit=0.85,
                note=f"the table {name} wants rows for this sender",
                table=name,
            )
    return None


def _instant(_goal: Goal, leaf: Leaf) -> Offer | None:
    path = leaf.path
    match forms.form_of(leaf.values):
        case "instant" | "instant_loose":
            return Offer(expression=f"instant({path})", leaf=leaf)
        case "local" if {"gmt", "utc"} & set(words_of(leaf.names[-1])):
            return Offer(expression=f"instant({path}, 'UTC')", leaf=leaf, fit=0.95)
        case "local":
            return Offer(expression=f"instant({path}, '{ZONE}')", leaf=leaf, ready=False)
        case "ticks":
            return Offer(expression=f"odata_date({path})", leaf=leaf)
        case "seconds":
            return Offer(expression=f"epoch({path}, 's')", leaf=leaf, fit=0.9)
        case "milliseconds":
            return Offer(expression=f"epoch({path}, 'ms')", leaf=leaf, fit=0.9)
    return None


def _date(goal: Goal, leaf: Leaf) -> Offer | None:
    form = forms.form_of(leaf.values)
    if form == "day":
        return Offer(expression=leaf.path, leaf=leaf)
    if form == "short_day":
        return Offer(expression=f"edi_date({leaf.path})", leaf=leaf, fit=0.9)
    made = _instant(goal, leaf)
    if made is None:
        return None
    day = f"business_date({made.expression}, '{ZONE}')"
    return Offer(expression=day, leaf=leaf, fit=0.8, ready=False)


def _quantity(goal: Goal, leaf: Leaf, scope: Scope) -> Offer | None:
    if not forms.are_numbers(leaf.values) or forms.form_of(leaf.values):
        return None
    made, note = f"quantity({leaf.path}, 'EA')", "the unit EA is an assumption"
    unit = next((one for one in scope.leaves if _is_unit(one, leaf)), None)
    if unit is not None and _stands(goal, leaf, unit, scope):
        return Offer(expression=_above(leaf), leaf=leaf, names=leaf.names[:-1])
    if unit is not None:
        note = f"the unit EA is an assumption: see {unit.path}"
    if any(map(forms.is_negative, leaf.values)) and not allows_negative(goal):
        made, note = f"absolute({made})", f"{note}; the sign is dropped here: say it elsewhere"
    names = leaf.names[:-1] if unit is not None else ()
    return Offer(expression=made, leaf=leaf, fit=0.95, note=note, names=names)


def _is_unit(other: Leaf, leaf: Leaf) -> bool:
    """Return whether a text beside a number, within one object, is its unit."""
    beside = other.names[:-1] == leaf.names[:-1] and other.outer == leaf.outer
    named = "unit" in words_of(other.names[-1])
    return beside and named and len(leaf.names) > 1 and forms.all_of(other.values, str)


def _whole(_goal: Goal, leaf: Leaf) -> Offer | None:
    return Offer(expression=leaf.path, leaf=leaf) if forms.all_of(leaf.values, int) else None


def _number(_goal: Goal, leaf: Leaf) -> Offer | None:
    fits = forms.all_of(leaf.values, (int, float))
    return Offer(expression=leaf.path, leaf=leaf) if fits else None


def _flag(_goal: Goal, leaf: Leaf) -> Offer | None:
    return Offer(expression=leaf.path, leaf=leaf) if forms.all_of(leaf.values, bool) else None


_MAKERS = {
    "text": _text,
    "instant": _instant,
    "date": _date,
    "whole": _whole,
    "number": _number,
    "flag": _flag,
}


def _money(goal: Goal, leaf: Leaf, scope: Scope, facts: Facts) -> Offer | None:
    if not forms.are_numbers(leaf.values) or forms.form_of(leaf.values):
        return None
    currency = _currency_for(leaf, scope)
    if currency is None or (_is_digits(leaf) and not _pair(leaf, currency)):
        return None
    if _stands(goal, leaf, currency, scope):
        return Offer(expression=_above(leaf), leaf=leaf, names=leaf.names[:-1])
    column = columns.other(leaf, scope)
    if column is not None and not columns.leads(leaf):
        return None
    read = (leaf,) if column is None else (leaf, column)
    unit = _unit_of(read, currency, scope, facts)
    code = currency.path if _in_capitals(currency) else f"upper({currency.path})"
    made = columns.written(unit.function, read, code)
    note = "two columns: which one is filled is the side" if column else ""
    if column or (any(map(forms.is_negative, leaf.values)) and not allows_negative(goal)):
        made = f"absolute({made})"
        note = "; ".join(one for one in (note, "the sign is dropped here: say it elsewhere") if one)
    note = "; ".join(one for one in (unit.note, note) if one)
    names = columns.named(leaf) if column else _pair(leaf, currency)
    other = made.replace("minor(", "money(") if unit.open else ""
    return Offer(
        expression=made,
        leaf=leaf,
        fit=unit.fit,
        note=note,
        names=names,
        ready=not unit.open,
        other=other,
        column=column,
    )


def _currency_for(leaf: Leaf, scope: Scope) -> Leaf | None:
    """Return the currency that stands nearest to an amount."""
    codes = [one for one in scope.leaves if forms.is_currency(one.values) and _is_code(one, leaf)]
    return max(codes, key=lambda one: _nearness(one, leaf), default=None)


def _is_code(currency: Leaf, leaf: Leaf) -> bool:
    named = "currency" in words_of(*currency.names)
    return named or (currency.names[:-1] == leaf.names[:-1] and currency.outer == leaf.outer)


def _nearness(currency: Leaf, leaf: Leaf) -> tuple[bool, int, int]:
    shared = 0
    for one, other in zip(currency.names[:-1], leaf.names[:-1], strict=False):
        if one != other:
            break
        shared += 1
    return currency.outer == leaf.outer, shared, -len(currency.names)


def _in_capitals(currency: Leaf) -> bool:
    return all(isinstance(one, str) and one == one.upper() for one in currency.values)


def _pair(leaf: Leaf, currency: Leaf) -> tuple[str, ...]:
    """Return the name of the object that is nothing but an amount and its currency."""
    together = currency.names[:-1] == leaf.names[:-1] and currency.outer == leaf.outer
    return leaf.names[:-1] if together else ()


def _stands(goal: Goal, leaf: Leaf, other: Leaf, scope: Scope) -> bool:
    """Return whether two leaves are all of an object that is what the field wants, as it is."""
    wanted = set(goal.schema.get("properties", ()))
    beside = [one for one in scope.leaves if one.names[:-1] == leaf.names[:-1]]
    names = {one.names[-1] for one in beside if one.outer == leaf.outer}
    texts = forms.all_of(leaf.values, str) and forms.all_of(other.values, str)
    return texts and len(leaf.names) > 1 and names == wanted == {leaf.names[-1], other.names[-1]}


def _above(leaf: Leaf) -> str:
    return leaf.path.removesuffix(f".{quoted(leaf.names[-1])}")


def _is_digits(leaf: Leaf) -> bool:
    """Return whether it is text without a decimal point: an id more often than an amount."""
    return forms.all_of(leaf.values, str) and not any(map(forms.is_fraction, leaf.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """The function for the unit that an amount is written in; `open`: nothing tells the unit."""

    function: str
    fit: float = 1.0
    note: str = ""
    open: bool = False


def _unit_of(read: tuple[Leaf, ...], currency: Leaf, scope: Scope, facts: Facts) -> _Unit:
    values = [value for leaf in read for value in leaf.values]
    if any(map(forms.is_fraction, values)) or forms.all_of(values, str):
        return _Unit(function="money")
    if {"minor", "cent"} & set(words_of(*read[0].names)) or not _in_capitals(currency):
        return _Unit(function="minor", fit=0.95)
    amounts = [one for one in scope.leaves if forms.are_numbers(one.values)]
    if any(isinstance(value, float) for one in amounts for value in one.values):
        return _Unit(function="money", fit=0.9)
    if facts.points:
        note = "whole here, but this sender writes points: taken for units; else minor()"
        return _Unit(function="money", fit=0.85, note=note)
    return _Unit(function="minor", fit=0.8, note="whole in every sample", open=True)
