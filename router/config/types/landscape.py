"""Owns: typing a whole landscape: truths of contracts, steps, operations, transforms in use.
Imports: config.library, config.types.
Never: tells what follows from a mistake that was told: a file with one is left alone.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from router.config.library import Library
from router.config.transforms.expressions import Expression
from router.config.types.contracts import ContractTypes
from router.config.types.facts import NONE, Facts
from router.config.types.keys import check_keys
from router.config.types.operations import OperationTypes
from router.config.types.scopes import Reader, Scope
from router.config.types.sources import SourceTypes
from router.config.types.steps import StepTypes
from router.config.types.transforms import check_types
from router.config.types.type import UNKNOWN
from router.core.diagnostics import Report

#: a field too many or too few in the result says nothing of what the others read
_HARMLESS = ("E110", "E111")
#: of a transform that nobody uses: a field that is not there, whatever a guard would say
_WHATEVER_HOLDS = "E190"


def check_landscape_types(library: Library, report: Report) -> None:
    """Report every expression that cannot be right, whatever comes."""
    wrong = {one.place.file for one in report.found if one.code not in _HARMLESS}
    contracts, uses = ContractTypes(library.contracts), dict[str, Facts]()
    reader, nobody = (Reader(library.tables, one) for one in (report, Report()))
    _check_contracts(library, contracts, wrong, report)
    steps, sources = StepTypes(contracts, uses), SourceTypes(contracts, reader)
    for channel in library.channels.values():
        if channel.place.file not in wrong:
            sources.channel(channel)
        steps.channel(channel, nobody if channel.place.file in wrong else reader)
    for flow in library.flows.values():
        steps.flow(flow, nobody if flow.place.file in wrong else reader)
    _check_systems(library, OperationTypes(contracts, reader), wrong, uses)
    for workflow in library.workflows.values():
        uses.update(dict.fromkeys(workflow.transforms, NONE))
    for name, transform in library.transforms.items():
        if f"transforms/{name}.yaml" in wrong:
            continue
        if name in uses:
            check_types(transform.file, uses[name], contracts, report)
            continue
        told = Report()
        check_types(transform.file, NONE, contracts, told)
        report.extend(one for one in told.found if one.code == _WHATEVER_HOLDS)


def _check_systems(
    library: Library, types: OperationTypes, wrong: AbstractSet[str], uses: dict[str, Facts]
) -> None:
    """Check operations and limits; note of each transform of a request that nothing holds there."""
    for operation in library.operations.values():
        for call in operation.calls:
            if call.file.transform is not None:
                uses[call.file.transform.name] = NONE
            if call is operation and call.file.place.file not in wrong:
                types.operation(call)
    for system in library.systems.values():
        if system.place.file not in wrong:
            types.limits(system)


def _check_contracts(
    library: Library, contracts: ContractTypes, wrong: AbstractSet[str], report: Report
) -> None:
    """Check the keys and truths of contracts; one that holds of several versions is looked at once.

    That a value may be null is not told: what the terms before it say of it is beyond types.
    """
    seen: dict[int, tuple[Expression, list[Scope]]] = {}
    told_in: set[str] = set()
    for contract in library.contracts.all():
        keyed = contract.keys and contract.place.file not in wrong | told_in
        if keyed and check_keys(contract, contracts.of(contract, ""), report):
            told_in.add(contract.place.file)  # once, not for each version
        if contract.invariants and contract.place.file not in wrong:
            held = contracts.of(contract, "")
            roots = {name: held.field(name) or UNKNOWN for name in held.names()}
            scope = Scope(roots, NONE, owner=str(contract.ref))
            for one in () if held.unknown else contract.invariants:
                seen.setdefault(id(one.expression), (one.expression, []))[1].append(scope)
    told = Report()
    reader = Reader(library.tables, told)
    for expression, scopes in seen.values():
        reader.shared(expression, scopes)
    report.extend(one for one in told.found if one.code != "E195")
