"""Owns: holding the examples and counter-examples of contracts against both validators.
Imports: config, runtime.cases, jsonschema (the reference engine, nowhere else).
Never: trusts one engine where both can speak.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from router.config.project import Project
from router.config.validation import Contract
from router.runtime.cases import Result

#: what a counterexample says: the document, which rule it breaks, and at which pointer
_KEYS = ("document", "rule", "at")


def check_examples(project: Project, only: str = "") -> Iterator[Result]:
    """Check every example and counter-example; yield one result a file.

    `only` picks those whose file holds it.
    """
    reference: _Reference | None = None
    for contract in project.contracts.all():
        folder = Path("contracts") / contract.ref.name
        for kind, check in (("examples", _example), ("counterexamples", _counterexample)):
            for path in sorted(
                (project.root / folder / kind / contract.ref.version).glob("*.json")
            ):
                name = path.relative_to(project.root).as_posix()
                if only not in name:
                    continue
                reference = reference or _Reference(project)
                try:
                    complaints = check(_read(path), contract, reference)
                except ValueError as error:
                    complaints = [f"is no JSON: {error}"]
                yield Result(
                    file=name,
                    name=f"{kind[:-1]} of {contract.ref}",
                    line=1,
                    complaints=tuple(complaints),
                )


class _Reference:
    """The reference engine over a closed registry."""

    def __init__(self, project: Project) -> None:
        import jsonschema  # noqa: PLC0415 (a fifth of a second that only this command pays)
        import referencing  # noqa: PLC0415
        from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

        specification: Any = DRAFT202012
        resources = [
            (
                f"urn:contract:{one.ref.name}:{one.ref.version}",
                specification.create_resource(one.schema),
            )
            for one in project.contracts.all()
        ]
        make: Any = referencing.Registry
        registry = make().with_resources(resources)
        self._make: Callable[[Any], Any] = lambda schema: jsonschema.Draft202012Validator(
            schema,
            registry=registry,
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )

    def accepts(self, contract: Contract, document: Any) -> bool:
        """Return whether the reference engine finds the document valid."""
        return bool(self._make(contract.schema).is_valid(document))


def _example(document: Any, contract: Contract, reference: _Reference) -> list[str]:
    complaints = [str(one) for one in contract.violations(document)]
    if not complaints and not reference.accepts(contract, document):
        complaints = ["the reference engine refuses it: the engines disagree"]
    return complaints


def _counterexample(example: Any, contract: Contract, reference: _Reference) -> list[str]:
    lacking = [key for key in _KEYS if not isinstance(example, dict) or key not in example]
    if lacking:
        return [f"lacks {', '.join(lacking)}: a counterexample has {', '.join(_KEYS)}"]
    document, rule = example["document"], example["rule"]
    found = contract.violations(document)
    if not found:
        return [f"is accepted, it should break {rule}"]
    told = any(one.rule == rule and one.pointer == example["at"] for one in found)
    if not told and rule not in ("oneOf", "anyOf"):  # of these the text tells the branch's rule
        have = "; ".join(str(one) for one in found)
        return [f"breaks {have}, it should break {rule} at {example['at'] or '/'}"]
    invariants = {one.id for one in contract.invariants}
    if rule not in invariants and reference.accepts(contract, document):
        return ["the reference engine accepts it: the engines disagree"]
    return []


def _read(path: Path) -> Any:
    return json.loads(path.read_text())
