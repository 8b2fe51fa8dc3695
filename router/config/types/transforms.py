"""Owns: the types of a transform: those of its inputs, and the check of its map against them.
Imports: config.types, config.transforms.
Never: looks at a step that uses it.
"""

from __future__ import annotations

from router.config.transforms.expressions import Expression
from router.config.transforms.transform import TransformFile
from router.config.types.contracts import HEADERS, ContractTypes
from router.config.types.facts import NONE, Facts
from router.config.types.maps import Goal, MapTypes
from router.config.types.scopes import Reader, Scope
from router.config.types.type import INTEGER, TEXT, UNKNOWN, Type
from router.config.validation import Contract
from router.core.diagnostics import Report


def check_types(
    file: TransformFile, facts: Facts, contracts: ContractTypes, report: Report
) -> Type:
    """Return the type of what a transform gives; report what cannot be right in it, whatever comes
    where these facts hold.
    """
    reader = Reader({one.name: one for one in file.tables}, report)
    types = MapTypes(reader, str(file.to.ref))
    scope = Scope({"headers": HEADERS, "stamp": UNKNOWN, "env": UNKNOWN}, NONE)
    later: dict[str, Expression] = {}
    for name, given in file.inputs.items():
        if isinstance(given, Expression):
            later[name] = given
        else:
            scope = scope.plus(**{name: _input(given, name, contracts)})
    for name, given in later.items():
        source = reader.value(given, scope)
        item = source.items if "list" in source.kinds else UNKNOWN
        scope = scope.plus(**{name: item, f"{name}_index": INTEGER})
    scope = types.named(file.let, scope.where(facts))
    return types.part(file.map, scope, Goal(contracts.of(file.to, "")))


def _input(given: Contract | str, name: str, contracts: ContractTypes) -> Type:
    if given == "text":
        return TEXT
    if isinstance(given, str):
        return UNKNOWN
    return contracts.of(given, name)
