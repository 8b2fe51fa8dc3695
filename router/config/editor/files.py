"""Owns: the kinds of files: which paths, which component; the schema of each.
Imports: config.editor.schemas, config.editor.parts, the component of each kind.
Never: reads a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from router.config.cases import CaseFile
from router.config.channels import ChannelFile
from router.config.components import Context
from router.config.contracts import ContractFile
from router.config.editor.flowparts import policy_schema
from router.config.editor.parts import PARTS
from router.config.editor.schemas import PLAIN, Schema, Schemas
from router.config.environments import EnvironmentFile
from router.config.flows import FlowFile
from router.config.library import Library
from router.config.policies import FailurePolicy
from router.config.sandbox import SandboxFile
from router.config.schemas import DIALECT
from router.config.systems import SystemFile
from router.config.tablefiles import TableFile
from router.config.transforms.transform import TransformFile
from router.config.workflow.scenarios import ScenarioFile
from router.config.workflow.workflow import WorkflowFile
from router.core.diagnostics import Report

TESTS = "*.test.yaml"


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file: its word, its component, where it lies."""

    word: str
    cls: type[Any]
    glob: str

    @property
    def globs(self) -> tuple[str, ...]:
        """Return its paths as editors take them: what begins with ! is left out."""
        if self.word == "tests":
            return (self.glob, f"!{KINDS['scenarios'].glob}")
        tests = self.glob.replace("*.yaml", TESTS)
        beside = self.glob.startswith("routes/") and tests not in (self.glob, "")
        return (self.glob, f"!{tests}") if beside else (self.glob,)

    def fits(self, path: str) -> bool:
        """Return whether a path is one of them."""
        any_depth = (self.glob.replace("**/", ""), self.glob.replace("**", "*"))
        return any(fnmatchcase(path, glob) for glob in any_depth)  # here * stands for / as well


KINDS: Mapping[str, FileKind] = {
    one.word: one
    for one in (
        FileKind("channel", ChannelFile, "routes/channels/*.yaml"),
        FileKind("flow", FlowFile, "routes/flows/*.yaml"),
        FileKind("system", SystemFile, "routes/systems/*.yaml"),
        FileKind("transform", TransformFile, "transforms/**/*.yaml"),
        FileKind("contract", ContractFile, "contracts/**/contract.yaml"),
        FileKind("table", TableFile, "routes/tables/*.yaml"),
        FileKind("policy", FailurePolicy, "routes/policies/*.yaml"),
        FileKind("workflow", WorkflowFile, "routes/workflows/*.yaml"),
        FileKind("environment", EnvironmentFile, "routes/environments/*.yaml"),
        FileKind("sandbox", SandboxFile, "routes/sandboxes/*.yaml"),
        FileKind("scenarios", ScenarioFile, f"routes/workflows/{TESTS}"),
        FileKind("tests", CaseFile, f"routes/**/{TESTS}"),
    )
}


def kind_of(path: str) -> FileKind | None:
    """Return the kind of a file by its path in the project; None when nothing reads it."""
    if path.startswith("routes/") and fnmatchcase(path, TESTS):
        return KINDS["scenarios" if path.startswith("routes/workflows/") else "tests"]
    return next((one for one in KINDS.values() if one.fits(path)), None)


def file_schema(kind: FileKind, library: Library) -> Schema:
    """Return the JSON Schema 2020-12 of a kind of file; the library's names are suggested."""
    make = Schemas(context=Context(library=library, report=Report()), writers={**PLAIN, **PARTS})
    body = policy_schema(make) if kind.cls is FailurePolicy else make.body(kind.cls)
    if kind.cls is SystemFile:
        body["allOf"] = [_speaking(name, make) for name in sorted(library.adapters)]
    return {"$schema": DIALECT, **body, "$defs": dict(sorted(make.defs.items()))}


def _speaking(adapter: str, make: Schemas) -> Schema:
    """Return what the operations of a system are that speaks by an adapter."""
    body = make.with_adapter(adapter).body(SystemFile)
    return {
        "if": {"properties": {"adapter": {"const": adapter}}, "required": ["adapter"]},
        "then": {"properties": {"operations": body["properties"]["operations"]}},
    }
