"""Owns: the types of a transform: those of its inputs, and the check of its map against them.
Imports: config.types, config.contracts, config.transforms.
Never: looks at a step that uses it.
"""

from __future__ import annotations

from router.config.contracts import Contracts
from router.config.transforms.expressions import Expression
from router.config.transforms.transform import TransformFile
from router.config.types.facts import NONE, Facts
from router.config.types.maps import Goal, MapTypes, Scope
from router.config.types.schemas import Schemas
from router.config.types.templates import TemplateTypes
from router.config.types.type import INTEGER, TEXT, UNKNOWN, Open, Type, object_of
from router.config.validation import Contract
from router.core.diagnostics import Report
from router.core.message import ContractRef

#: what every transform may read beside its inputs
_HEADERS = object_of(Open(TEXT))


class ContractTypes:
    """The types of contracts, each made once."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._made: dict[tuple[ContractRef, str], Type] = {}

    def of(self, contract: Contract, path: str) -> Type:
        """Return the type of what keeps a contract; `path` is what reasons call it."""
        key = (contract.ref, path)
        if key not in self._made:
            schemas = Schemas(self._contracts.by_urn, str(contract.ref))
            views = schemas.views(contract.schema, contract.schema)
            self._made[key] = schemas.type_of(views, path)
        return self._made[key]


def check_types(
    file: TransformFile, facts: Facts, contracts: ContractTypes, report: Report
) -> None:
    """Report what cannot be right in a transform, whatever comes where these facts hold."""
    promise = str(file.to.ref) if file.to is not None else ""
    types = MapTypes({one.name: one for one in file.tables}, promise, report)
    scope = Scope({"headers": _HEADERS, "stamp": UNKNOWN, "env": UNKNOWN}, NONE)
    later: dict[str, Expression] = {}
    for name, given in file.inputs.items():
        if isinstance(given, Expression):
            later[name] = given
        else:
            scope = scope.plus(**{name: _input(given, name, contracts)})
    for name, given in later.items():
        source = types.value(given, scope)
        item = source.items if "list" in source.kinds else UNKNOWN
        scope = scope.plus(**{name: item, f"{name}_index": INTEGER})
    scope = types.named(file.let, scope.where(facts))
    if file.map is not None and file.to is not None:
        types.part(file.map, scope, Goal(contracts.of(file.to, "")))
    elif file.template is not None:
        TemplateTypes(types, report).parts(file.template.parts, scope)


def _input(given: Contract | str, name: str, contracts: ContractTypes) -> Type:
    if given == "text":
        return TEXT
    if isinstance(given, str):
        return UNKNOWN
    return contracts.of(given, name)
