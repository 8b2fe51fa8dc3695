"""Owns: a whole project: reading it, in the order in which references need it, and its revision.
Imports: everything of config; the only module that reads disk (through config.files).
Never: raises for a mistake of the author; opens a store, a socket or a secret.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from router.config.cases import CaseFile
from router.config.channels import Channel, ChannelFile, make_channel
from router.config.components import Context, decode_component
from router.config.contracts import Contracts, load_contracts
from router.config.environments import EnvironmentFile, make_environment
from router.config.files import read_texts, revision_of
from router.config.flows import Flow, FlowFile, make_flow
from router.config.ignores import ignores_of
from router.config.landscape import check_landscape
from router.config.library import Library
from router.config.policies import FailurePolicy
from router.config.sandbox import SandboxFile, make_sandbox
from router.config.sequences import CALLS, calls_read
from router.config.source import Node, read_yaml
from router.config.source import Table as TableNode
from router.config.systems import AnyOperation, System, SystemFile, make_system
from router.config.tablefiles import TableFile, make_table
from router.config.transforms.tables import Table
from router.config.transforms.transform import Transform, TransformFile
from router.config.types.landscape import check_landscape_types
from router.config.types.sandboxes import check_sandboxes
from router.config.verification import decode_presets
from router.config.workflow.calendars import Calendar, Window
from router.config.workflow.decisions import DecisionTable, ExceptionClasses
from router.config.workflow.policies import policy_class
from router.config.workflow.scenarios import ScenarioFile
from router.config.workflow.workflow import Workflow, WorkflowFile, make_workflow
from router.core.diagnostics import Diagnostic, Place, Report, in_order

F = TypeVar("F")
M = TypeVar("M")

#: what a policy of a workflow is
Rules: TypeAlias = DecisionTable | ExceptionClasses | Calendar | Window
WORKFLOWS = "routes/workflows/"
_PRESETS = Path(__file__).parent / "presets" / "verify.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A checked project, ready to be wired. `revision` stamps every message."""

    root: Path
    revision: str
    contracts: Contracts
    tables: Mapping[str, Table]
    policies: Mapping[str, FailurePolicy]
    #: the policies of workflows by name: decision tables, exception classes, calendars, windows
    rules: Mapping[str, Rules]
    transforms: Mapping[str, Transform]
    systems: Mapping[str, System]
    channels: Mapping[str, Channel]
    flows: Mapping[str, Flow]
    workflows: Mapping[str, Workflow]
    environments: Mapping[str, EnvironmentFile]
    #: `object@1` -> names of the flows that subscribe, sorted
    subscribers: Mapping[str, tuple[str, ...]]
    sandboxes: Mapping[str, SandboxFile]
    #: tests by the path of their file
    cases: Mapping[str, CaseFile]
    #: tests of workflows by the path of their file
    scenarios: Mapping[str, ScenarioFile]
    #: every text that was read, for source frames
    texts: Mapping[str, str]

    @property
    def operations(self) -> dict[str, AnyOperation]:
        """Return every operation by `system.operation`."""
        return {
            operation.name: operation
            for system in self.systems.values()
            for operation in system.operations.values()
        }


def load_project(root: Path, adapters: Mapping[str, Any]) -> tuple[Project, list[Diagnostic]]:
    """Return the project in `root` and everything that is wrong with it, in order of place.

    `adapters` maps an adapter's name to its class. A project with errors is whole enough to be
    looked at, not to be run.
    """
    report = Report()
    texts = read_texts(root, report)
    if not any(name.startswith("routes/") for name in texts):
        report.error(
            "E000", Place("routes"), f"no project in {root.name}/", "router check --project FOLDER"
        )
    return _checked(root, texts, report, adapters)


def load_texts(
    root: Path, texts: Mapping[str, str], adapters: Mapping[str, Any]
) -> tuple[Project, list[Diagnostic]]:
    """Return the project that texts make, as `load_project` does; the disk is not looked at."""
    return _checked(root, texts, Report(), adapters)


def library_of(project: Project, adapters: Mapping[str, Any]) -> Library:
    """Return the names of a loaded project, as its own files see them."""
    library = Library(
        contracts=project.contracts,
        adapters=adapters,
        tables=dict(project.tables),
        policies=dict(project.policies),
        decisions=_only(project.rules, DecisionTable),
        classes=_only(project.rules, ExceptionClasses),
        calendars=_only(project.rules, Calendar),
        windows=_only(project.rules, Window),
        workflows=dict(project.workflows),
        transforms=dict(project.transforms),
        systems=dict(project.systems),
        flows={name.removeprefix("flow:"): flow for name, flow in project.flows.items()},
        channels=dict(project.channels),
    )
    library.presets = packaged_presets(Context(library=library, report=Report()))
    return library


def packaged_presets(context: Context) -> dict[str, Any]:
    """Return the signature schemes that come with the package, by name."""
    node, found = read_yaml(_PRESETS.read_text(), "presets/verify.yaml")
    context.report.extend(found)
    return decode_presets(node, context) if node is not None else {}


def _checked(
    root: Path, texts: Mapping[str, str], report: Report, adapters: Mapping[str, Any]
) -> tuple[Project, list[Diagnostic]]:
    loader = _Loader(texts, report, adapters)
    project = loader.load(root)
    check_landscape(project, loader.library.broken, report)
    ignores_of(texts, report)  # a malformed one is an error; what they do is settled by `settle`
    return project, in_order(report.found)


class _Loader:
    """Reads a project's texts in the order in which references need them."""

    def __init__(
        self, texts: Mapping[str, str], report: Report, adapters: Mapping[str, Any]
    ) -> None:
        self.texts = texts
        self.report = report
        self.library = Library(contracts=load_contracts(texts, report), adapters=adapters)
        self.context = Context(library=self.library, report=report)
        self.library.presets = packaged_presets(self.context)
        self.library.templates = {
            path: text for path, text in texts.items() if path.endswith(".j2")
        }

    def load(self, root: Path) -> Project:
        library = self.library
        library.tables = self._kind("tables", TableFile, make_table)
        rules = self._policies()
        library.transforms = self._transforms()
        library.systems = self._kind("systems", SystemFile, make_system)
        library.workflows = self._kind("workflows", WorkflowFile, make_workflow)
        library.flows = self._kind("flows", FlowFile, make_flow)
        library.channels = self._kind("channels", ChannelFile, make_channel)
        check_landscape_types(library, self.report)
        environments = self._kind("environments", EnvironmentFile, make_environment)
        sandboxes = self._kind("sandboxes", SandboxFile, make_sandbox)
        check_sandboxes(sandboxes, library.tables, self.report)
        return Project(
            root=root,
            revision=revision_of(self.texts, _sources(library.adapters)),
            contracts=library.contracts,
            tables=library.tables,
            policies=library.policies,
            rules=rules,
            transforms=library.transforms,
            systems=library.systems,
            channels=library.channels,
            flows={flow.name: flow for flow in library.flows.values()},
            workflows=library.workflows,
            environments=environments,
            subscribers=_subscribers(library.flows),
            sandboxes=sandboxes,
            cases=self._cases(),
            scenarios=self._scenarios(),
            texts=self.texts,
        )

    def _policies(self) -> dict[str, Rules]:
        """Decode the policies of every kind; those of workflows are returned."""
        library = self.library
        found = self._kind("policies", policy_class, lambda policy, _: policy)
        library.policies = _only(found, FailurePolicy)
        library.decisions = _only(found, DecisionTable)
        library.classes = _only(found, ExceptionClasses)
        library.calendars = _only(found, Calendar)
        library.windows = _only(found, Window)
        return {name: one for name, one in found.items() if name not in library.policies}

    def _kind(
        self,
        folder: str,
        kind: type[F] | Callable[[Node], type[F]],
        make: Callable[[F, Context], M | None],
    ) -> dict[str, M]:
        """Decode each file of a folder; the file's name must be the component's."""
        made: dict[str, M] = {}
        seen: dict[str, str] = {}
        for path, node in self._nodes(f"routes/{folder}/"):
            cls: type[Any] = kind if isinstance(kind, type) else kind(node)
            file: Any = decode_component(cls, node, self.context)
            if not isinstance(file, cls):
                self.library.broken.add(path.rpartition("/")[2].removesuffix(".yaml"))
                continue
            name = self._name(file, path, cls)
            first = seen.setdefault(name, path)
            if first.lower() != path.lower():
                place: Place = file.place
                self.report.error("E007", place, f"{name} a second time", f"first in {first}")
            found = make(file, self.context)
            if found is None:
                self.library.broken.add(name)
            else:
                made[name] = found
        return made

    def _name(self, file: Any, path: str, cls: type[Any]) -> str:
        said = str(getattr(file, "name", None) or getattr(file, _name_field(cls)))
        stem = path.rpartition("/")[2].removesuffix(".yaml")
        if said != stem:
            self.report.error(
                "E008", file.place, f"{said} in a file named {stem}.yaml", "give both one name"
            )
        return said

    def _transforms(self) -> dict[str, Transform]:
        made: dict[str, Transform] = {}
        named: set[str] = set()
        for path, node in self._nodes("transforms/"):
            named.update(f"{path.rpartition('/')[0]}/{one}" for one in _templates(node))
            name = path.removeprefix("transforms/").removesuffix(".yaml")
            file = decode_component(TransformFile, node, self.context)
            wrong = isinstance(file, TransformFile) and self._incomplete(file, node)
            if isinstance(file, TransformFile) and not wrong:
                reads = calls_read(node) if CALLS in file.inputs else frozenset()
                if file.template is not None and CALLS in file.inputs:
                    reads = frozenset({("", "")})
                made[name] = Transform(name=name, file=file, calls=reads)
            else:
                self.library.broken.add(name)
        for path in sorted(self.library.templates.keys() - named):
            hint = "a transform names its template: xml: or text:"
            self.report.error("E009", Place(path), "nothing reads this template", hint)
        return made

    def _incomplete(self, file: TransformFile, node: Node) -> bool:
        keys = {one.key for one in node.entries} if isinstance(node, TableNode) else set()
        wrong = file.complaint(keys)
        if wrong is not None:
            code, message, hint = wrong
            self.report.error(code, file.place, message, hint)
        return wrong is not None

    def _cases(self) -> dict[str, CaseFile]:
        made: dict[str, CaseFile] = {}
        for path, node in self._nodes("routes/", tests=True):
            if path.startswith(WORKFLOWS):
                continue
            file = decode_component(CaseFile, node, self.context)
            if isinstance(file, CaseFile):
                made[path] = file
        return made

    def _scenarios(self) -> dict[str, ScenarioFile]:
        made: dict[str, ScenarioFile] = {}
        for path, node in self._nodes(WORKFLOWS, tests=True):
            file = decode_component(ScenarioFile, node, self.context)
            if isinstance(file, ScenarioFile):
                made[path] = file
        return made

    def _nodes(self, prefix: str, *, tests: bool = False) -> Iterator[tuple[str, Node]]:
        for path, text in sorted(self.texts.items()):
            if not path.startswith(prefix) or not path.endswith(".yaml"):
                continue
            if path.endswith(".test.yaml") is not tests:
                continue
            node, found = read_yaml(text, path)
            self.report.extend(found)
            if node is None:
                self.library.broken.add(path.removeprefix(prefix).removesuffix(".yaml"))
            if node is None and not found:
                self.report.error("E001", Place(path), "the file is empty", "remove it")
            if node is not None:
                yield path, node


def _templates(node: Node) -> Iterator[str]:
    """Yield the templates that a transform names."""
    if isinstance(node, TableNode):
        yield from (one for key in ("xml", "text") if (one := node.text_of(key)) is not None)


def _name_field(cls: type[Any]) -> str:
    return {
        "ChannelFile": "channel",
        "FlowFile": "flow",
        "SystemFile": "system",
        "EnvironmentFile": "environment",
        "SandboxFile": "sandbox",
        "TableFile": "table",
        "WorkflowFile": "workflow",
    }[cls.__name__]


def _only(found: Mapping[str, Any], cls: type[M]) -> dict[str, M]:
    return {name: one for name, one in found.items() if isinstance(one, cls)}


def _subscribers(flows: Mapping[str, Flow]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for flow in flows.values():
        found.setdefault(flow.accept.ref.subject, []).append(flow.name)
    return {subject: tuple(sorted(names)) for subject, names in found.items()}


def _sources(adapters: Mapping[str, Any]) -> dict[str, bytes]:
    made = {}
    for name, adapter in adapters.items():
        path = inspect.getsourcefile(adapter)
        made[name] = Path(path).read_bytes() if path else b""
    return made
