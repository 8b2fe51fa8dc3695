"""Owns: docs/reference/ and router/cli/words.json: written from the code, never by hand.
Imports: router (config, cli, runtime.installed), jmespath's table of functions.
Never: says of a key, a function, a finding or a command what the code does not say.

    python scripts/reference.py          write them
    python scripts/reference.py --check  exit with 1 when one is not what the code says
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import jmespath.functions

from router.cli import main as commands
from router.cli.words import WORDS, words_text
from router.config import (
    cases,
    channels,
    contracts,
    environments,
    flows,
    sandbox,
    sequences,
    steps,
    systems,
    tablefiles,
    verification,
)
from router.config import shapes as s
from router.config.atlas.markdown import cell, code, one_line, spelled
from router.config.catalogue import load_catalogue
from router.config.components import Context, Knob, decode_component, knobs_of, name_of
from router.config.contracts import Contracts
from router.config.editor.values import written
from router.config.library import Library
from router.config.project import packaged_presets
from router.config.source import read_yaml
from router.config.transforms import functions, transform
from router.config.transforms.checks import Vocabulary
from router.config.transforms.expressions import compile_expression
from router.config.transforms.tables import Table
from router.config.workflow import decisions, facts, scenarios, scope, workflow
from router.config.workflow.policies import POLICIES
from router.core.diagnostics import Place, Report
from router.runtime.installed import installed_adapters

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
RULES = ROOT / "tests" / "rules"
CATALOGUE = ROOT / "router" / "config" / "catalogue.yaml"
NOTE = "<!-- Written from the code by scripts/reference.py: edit the code, then run it again. -->\n"
#: columns of printed help
WIDTH = 96

LANGUAGE_SAYS = """\
Every key of every file, as the loader knows it. A key without a default must be written. Unknown
keys are errors. How the parts play together stands in
[how a message walks](../explanation/how-a-message-walks.md), what expressions may call in
[functions](functions.md).
"""
STEPS_SAY = """\
A step is a mapping with one key, its word. Steps run in the order of the text. The last one is
`produce`, `send`, `signal`, `choose`, `fork`, `discard` or `dead_letter`. Four words take their
value directly: `fork: {branch: [steps]}`, `transform: owner/name`, `discard: reason` and
`dead_letter: reason`. `send` takes one target or a list of them.
"""
MAPS_SAY = """\
What stands under `map:` is the result, field by field. A mapping with `map:` or `each:` in it is a
block: `{each: =list, let: {...}, if: =condition, map: ...}` gives one value for each item; inside,
`item`, `index` (from 0) and `position` (from 1) are in reach. Without `each:` a block gives one
value, or nothing when `if:` does not hold. An expression that gives null leaves its key out.

Instead of `map:` and `to:` a transform of an operation names a template, `xml:` or `text:`, a file
beside it that ends in `.j2`: [Write text and XML](../how-to/write-text-and-xml.md).
"""
WORKFLOWS_SAY = """\
Expressions of a workflow see `facts`, `derived`, `steps`, `decisions` and `instance`, and where
there are items `item`. `steps.pay` is an object with `status`, `way`, `attempt`, `verdict`,
`outputs`, `reference`, `code` and `since`; of a step with `each:` it is a list of them, each with
its `id`. Beside the library they may call what stands under `define:`, and

WORDS

A step begins when its `needs:` are met; then `when:`, the gate (`decide:`, `ask:`), and one effect
(`compute:`, `await:`, `send:` or `ways:`, held by `hold:`).
"""
SCHEMAS_SAY = """\
Beside it stands `<version>.json` for each version: a JSON Schema 2020-12 whose `$id` is
`urn:contract:<name>:<version>`. Examples stand in `examples/<version>/`, counter-examples in
`counterexamples/<version>/` as `{"document": ..., "at": pointer, "rule": keyword or invariant}`.
"""
ADAPTERS_SAY = """\
`adapter:` in a system file names one. Its request stands in `request:` of an operation, its
settings under `systems:` of an environment.
"""
FUNCTIONS_SAY = """\
An expression is [JMESPath](https://jmespath.org/specification.html) with the functions below. They
are pure: no clock, no network, no chance. When a function refuses an argument, the message becomes
a dead letter that names the place of the expression. `?` marks an optional argument, `...` any
number of them. A literal is written `'text'` or `` `json` ``.
"""
LOOKUP_SAYS = """\
## Tables

### `lookup`

    lookup(table: text, ...keys: text|number) -> any

Give the value that a table of `routes/tables/` has under its keys, or the table's default. The
first argument is a literal; a transform names the table under `tables:`. An unknown key of a table
without a default makes the message a dead letter. Of this table

    table: reasons
    owner: returns
    keys: [sender, word]
    default: unknown
    rows: {shop: {too_small: size_small}}
"""
#: expressions over the table above; their values are worked out here
LOOKUPS = ("lookup('reasons', 'shop', 'too_small')", "lookup('reasons', 'shop', 'too_blue')")
BUILTINS_SAY = """\
## JMESPath's own

Their numbers are JSON numbers. Amounts of money are not numbers: use the functions above.

| function | what it gives | example |
| --- | --- | --- |"""
FINDINGS_SAY = """\
A code that begins with `E` is an error: nothing is started. One that begins with `W` is a warning.
Each has a reason, an example of what is wrong and how it is mended, and what `router check` says to
a project with the mistake: a test holds that output to the word. `router explain CODE` gives reason
and examples in the terminal. [Read an error](../how-to/read-an-error.md) shows how to go about
them.
"""
COMMANDS_SAY = """\
What `router --help` and `router COMMAND --help` print. Every command ends with 0 when all is well,
with 1 when it found something, with 2 for wrong use or a failure.
"""

#: the steps, in the order of a message's way
STEPS = (
    *(steps.Filter, steps.Choose, steps.Fork, steps.Split, steps.Enrich),
    *(steps.Apply, steps.Produce, steps.Send, steps.Signal, steps.Discard, steps.DeadLetter),
)
WORKFLOWS_SAY = WORKFLOWS_SAY.replace(
    "WORDS",
    "\n".join(f"- `{one.signature}`: {one_line(one.doc)}" for one in scope.FUNCTIONS.values()),
)
#: (title, what it says first, components to begin with: what they hold follows them)
SECTIONS: tuple[tuple[str, str, tuple[type[Any], ...]], ...] = (
    ("Channels: `routes/channels/<name>.yaml`", "", (channels.ChannelFile,)),
    ("Steps", STEPS_SAY, STEPS),
    ("Flows: `routes/flows/<name>.yaml`", "", (flows.FlowFile,)),
    ("Systems: `routes/systems/<name>.yaml`", "", (systems.SystemFile,)),
    ("Transforms: `transforms/<owner>/<name>.yaml`", MAPS_SAY, (transform.TransformFile,)),
    ("Contracts: `contracts/<name>/contract.yaml`", SCHEMAS_SAY, (contracts.ContractFile,)),
    ("Tables: `routes/tables/<name>.yaml`", "", (tablefiles.TableFile,)),
    ("Policies: `routes/policies/<name>.yaml`", "", tuple(POLICIES.values())),
    ("Workflows: `routes/workflows/<name>.yaml`", WORKFLOWS_SAY, (workflow.WorkflowFile,)),
    ("Environments: `routes/environments/<name>.yaml`", "", (environments.EnvironmentFile,)),
    ("Sandboxes: `routes/sandboxes/<name>.yaml`", "", (sandbox.SandboxFile,)),
    ("Tests: `<name>.test.yaml` beside the file that they test", "", (cases.CaseFile,)),
    ("Scenarios: `routes/workflows/<name>.test.yaml`", "", (scenarios.ScenarioFile,)),
)
#: shapes that decode a component without holding it where a walk could see it
HIDDEN: Mapping[type[Any], tuple[type[Any], ...]] = {
    verification.VerifyShape: (verification.VerifyFile,),
    channels.RouteShape: (channels.RouteFile,),
    systems.OutcomeList: (systems.OutcomeRule,),
    sequences.Operations: (systems.OperationFile, sequences.SequenceFile),
    steps.Sends: (steps.Send,),
    facts.Definitions: (facts.DefinitionFile,),
}
#: the modules of our functions, in the order of the page
GROUPS = "money amounts comparisons quantity times lists values texts"
#: JMESPath's own functions: what each gives, and an example; its value is worked out here
JMESPATH: Mapping[str, tuple[str, str]] = {
    "abs": ("the number without its sign; for amounts: `absolute`", "abs(`-3`)"),
    "avg": ("the mean of numbers", "avg(`[1, 2, 3]`)"),
    "ceil": ("the next whole number upwards", "ceil(`1.2`)"),
    "contains": ("whether a list holds a value, or a text a part", "contains('abc', 'b')"),
    "ends_with": ("whether a text ends with another", "ends_with('a.xml', '.xml')"),
    "floor": ("the next whole number downwards", "floor(`1.8`)"),
    "join": ("texts as one, the separator first; see `join_text`", "join('/', ['a', 'b'])"),
    "keys": ("the names of an object's fields", 'keys(`{"a": 1}`)'),
    "length": ("characters of a text, items of a list, fields of an object", "length('abc')"),
    "map": ("an expression for each item of a list", 'map(&id, `[{"id": 1}]`)'),
    "max": ("the greatest of numbers or texts; not for amounts", "max(`[1, 3]`)"),
    "max_by": ("the item for which an expression is greatest", 'max_by(`[{"n": 1}]`, &n)'),
    "merge": ("objects as one; later fields win", 'merge(`{"a": 1}`, `{"b": 2}`)'),
    "min": ("the least of numbers or texts; not for amounts", "min(`[1, 3]`)"),
    "min_by": ("the item for which an expression is least", 'min_by(`[{"n": 1}]`, &n)'),
    "not_null": ("the first argument that is not null; see `first_of`", "not_null(`null`, 'a')"),
    "reverse": ("a list or a text from its end", "reverse(`[1, 2]`)"),
    "sort": ("numbers or texts in order; not for amounts", "sort(['b', 'a'])"),
    "sort_by": ("a list in the order of an expression", 'sort_by(`[{"n": 2}, {"n": 1}]`, &n)'),
    "starts_with": ("whether a text begins with another", "starts_with('RMA-1', 'RMA')"),
    "sum": ("the sum of numbers; for amounts: `total`", "sum(`[1, 2]`)"),
    "to_array": ("a list as it is, else a list of one; see `as_list`", "to_array('a')"),
    "to_number": ("a text as a number, or null; not for money", "to_number('12')"),
    "to_string": ("any value as JSON text; for numbers: `text`", "to_string(`12`)"),
    "type": ("the JSON word for a value's type", "type(`12`)"),
    "values": ("the values of an object's fields", 'values(`{"a": 1}`)'),
}


def language_page() -> str:
    """Return the page of components: files, keys, shapes, defaults."""
    parts = [NOTE, "# The language, key by key\n", LANGUAGE_SAYS, "## Plain values\n"]
    parts += [f"- {one.expects}" for one in (s.DURATION, s.SIZE, s.PERCENT)]
    parts.append("- an expression: a text that begins with `=`; everything else is literal\n")
    for title, words, classes in sections():
        parts.append(f"## {title}\n")
        parts += [words] if words else []
        parts += [_component(cls) for cls in classes]
    parts += ["## Adapters\n", ADAPTERS_SAY]
    for name, adapter in sorted(installed_adapters().items()):
        parts.append(f"### Adapter `{name}`\n\n{inspect.getdoc(adapter)}\n")
        parts += [_component(cls, "####") for cls in held_by((adapter.Request, adapter.Settings))]
    return _page([*parts, _presets()])


def functions_page() -> str:
    """Return the page of functions: ours by group, `lookup`, JMESPath's own."""
    parts = [NOTE, "# Functions of expressions\n", FUNCTIONS_SAY]
    for module in GROUPS.split():
        parts.append(f"## {module.capitalize()}\n")
        for one in getattr(functions, module).FUNCTIONS:
            parts.append(f"### `{one.name}`\n\n    {one.signature}\n\n{one.doc}\n")
            if one.example:
                parts.append(f"    {one.example[0]}\n    -> {one.example[1]}\n")
    parts += [LOOKUP_SAYS, *_lookups(), BUILTINS_SAY]
    for name in sorted(jmespath.functions.Functions.FUNCTION_TABLE):
        words, example = JMESPATH[name]
        parts.append(f"| `{name}` | {words} | {code(f'{example} -> {_value(example)}')} |")
    return _page(parts)


def _lookups() -> Iterator[str]:
    """Yield each example of `lookup` with its value, over the table that the page shows."""
    text = textwrap.dedent(LOOKUP_SAYS[LOOKUP_SAYS.index("    table:") :])
    node, _ = read_yaml(text, "routes/tables/reasons.yaml")
    assert node is not None
    context = Context(library=Library(contracts=Contracts()), report=Report())
    file = decode_component(tablefiles.TableFile, node, context)
    assert isinstance(file, tablefiles.TableFile), context.report.found
    table = tablefiles.make_table(file, context)
    for example in LOOKUPS:
        yield f"    {example}\n    -> {_value(example, table)}\n"


def _value(example: str, *tables: Table) -> str:
    """Return the value of an expression that reads nothing, as JSON."""
    vocabulary = Vocabulary(roots=frozenset(), tables={one.name: one for one in tables})
    made, found = compile_expression(example, Place("functions.md"), vocabulary)
    assert made is not None, found
    return json.dumps(made({}))


def findings_page() -> str:
    """Return the page of finding codes: an index by what they are about, then each code."""
    parts = [NOTE, "# Findings of `router check`\n", FINDINGS_SAY]
    catalogue = load_catalogue()
    for title, codes in _findings().items():
        parts.append(f"**{title.capitalize()}**\n\n| code | finding |\n| --- | --- |")
        parts += [f"| [{c}](#{c.lower()}) | {cell(one_line(catalogue[c].title))} |" for c in codes]
        parts.append("")
    for one in catalogue.values():
        parts.append(f"## {one.code}\n\n**{one_line(one.title)}**\n\n{one.why.strip()}\n")
        texts = (("Wrong", one.wrong), ("Right", one.right), ("It reads", _shown(one.code)))
        for word, text in texts:
            parts += [f"{word}:\n\n{_indented(text)}\n"] if text.strip() else []
    return _page(parts)


def _findings() -> dict[str, list[str]]:
    """Return the codes by the headings of the catalogue."""
    found: dict[str, list[str]] = {}
    for line in CATALOGUE.read_text().splitlines():
        if heading := re.fullmatch(r"# --- (.+?) -+", line):
            codes = found.setdefault(heading[1], [])
        elif code := re.fullmatch(r"([EW]\d{3}):", line):
            codes.append(code[1])
    return found


def _shown(code: str) -> str:
    """Return the first finding with a code in the fixture that shows it."""
    for folder in sorted(RULES.glob(f"{code}*")):
        text = (folder / "expected.txt").read_text()
        for one in re.split(r"\n(?=\S+:\d+:\d+ [EW]\d{3} )", text):
            if re.match(rf"\S+ {code} ", one):
                return one
    return ""


def commands_page() -> str:
    """Return the page of commands: what --help prints."""
    parts = [NOTE, "# Commands\n", COMMANDS_SAY, "## Environment variables\n"]
    parts.append("| variable | meaning |\n| --- | --- |")
    parts += [f"| `{name}` | the same as `{option}` |" for name, option in _variables()]
    parts.append("| `ROUTER_SECRETS` | folder of `file:NAME` secrets; by default `secrets/` |\n")
    parts += ["## `router`\n", _help(commands.main, "router")]
    for name, command in _commands():
        parts += [f"## `router {name}`\n", _help(command, f"router {name}")]
    return _page(parts)


PAGE_OF: Mapping[str, Callable[[], str]] = {
    "language.md": language_page,
    "functions.md": functions_page,
    "findings.md": findings_page,
    "commands.md": commands_page,
}


def sections() -> Iterator[tuple[str, str, list[type[Any]]]]:
    """Yield each section with its components; a component stands where it is met first."""
    shown: set[type[Any]] = set()
    for title, words, roots in SECTIONS:
        found = [cls for cls in held_by(roots) if cls not in shown]
        shown.update(found)
        yield title, words, found


def held_by(roots: Iterable[type[Any]]) -> list[type[Any]]:
    """Return components and all that their keys hold, depth first."""
    found: list[type[Any]] = []
    for cls in roots:
        if cls not in found:
            inner = [held for one in knobs_of(cls) for held in held_by(_held(one.shape))]
            found += [one for one in dict.fromkeys([cls, *inner]) if one not in found]
    return found


def _held(shape: Any) -> tuple[type[Any], ...]:
    match shape:
        case s.ListOf():
            return _held(shape.item)
        case s.MapOf():
            return _held(shape.value)
        case s.Nested():
            return (shape.cls,)
        case scope.Over():
            return _held(shape.shape)
        case decisions.Rules():
            return (shape.cls,)
    return HIDDEN.get(type(shape), ())


def _component(cls: Any, heading: str = "###") -> str:
    lines = [f"{heading} {name_of(cls)}\n", f"{one_line(cls.__summary__)}\n"]
    lines.append("| key | what to write | default | meaning |\n| --- | --- | --- | --- |")
    for one in knobs_of(cls):
        default = "**required**" if one.required else _default(one)
        meaning = cell(one_line(one.doc) + _roots(one))
        lines.append(f"| `{one.key}` | {_shape(one.shape)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _shape(shape: Any) -> str:
    match shape:
        case s.ListOf():
            return f"a list, each {_shape(shape.item)}"
        case s.MapOf():
            return f"a mapping, each value {_shape(shape.value)}"
        case s.Nested():
            return _link(shape.cls)
        case scope.Over():
            return _shape(shape.shape)
        case decisions.Rules():
            return f"a list, each {_link(shape.cls)}; the last without `if:`"
        case s.Choice():
            return "one of " + ", ".join(f"`{word}`" for word in shape.words)
        case s.OneKey():
            return "one of " + ", ".join(f"`{word}:`" for word in sorted(shape.options))
    told = cell(shape.expects)
    hidden = " or ".join(map(_link, HIDDEN.get(type(shape), ())))
    return f"{told} ({hidden})" if hidden else told


def _link(cls: type[Any]) -> str:
    noun = name_of(cls)
    return f"[{noun}](#{noun.replace(' ', '-')})"


def _default(one: Knob) -> str:
    value = written(one)
    return "optional" if value in (None, "", [], {}) else f"`{spelled(value)}`"


def _roots(one: Knob) -> str:
    if not isinstance(one.roots, frozenset) or not one.roots:
        return ""
    return ". Expressions see " + ", ".join(f"`{name}`" for name in sorted(one.roots))


def _presets() -> str:
    context = Context(library=Library(contracts=Contracts()), report=Report())
    lines = ["## Presets of `verify:`\n", "| preset | header | hash | written as | signed |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for name, one in sorted(packaged_presets(context).items()):
        if isinstance(one, verification.Inside):
            fields = ", ".join(f"`{field.source}`" for field in one.fields)
            where = f"`{one.signature.source}`"
            lines.append(f"| `{name}` | {where} | {one.algorithm} | {one.encoding} | {fields} |")
            continue
        way = f"`{one.prefix}`, then {one.encoding}" if one.prefix else one.encoding
        lines.append(f"| `{name}` | `{one.header}` | {one.algorithm} | {way} | `{one.signed}` |")
    return "\n".join(lines)


def _commands(group: click.Group = commands.main, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command with its words, groups before what they hold."""
    context = click.Context(group, info_name="router")
    for name in group.list_commands(context):
        command: Any = group.get_command(context, name)
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path}{name} ")


def _variables() -> Iterator[tuple[str, str]]:
    found = {
        option.envvar: max(option.opts, key=len)
        for _, command in _commands()
        for option in command.params
        if isinstance(option.envvar, str)
    }
    yield from sorted(found.items())


def _help(command: click.Command, name: str) -> str:
    parent, _, word = name.rpartition(" ")
    settings: dict[str, Any] = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    settings |= commands.main.context_settings
    above = click.Context(commands.main, info_name=parent) if parent else None
    context = click.Context(command, info_name=word, parent=above, **settings)
    return f"```text\n{command.get_help(context)}\n```\n"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())


def _page(parts: list[str]) -> str:
    return "\n".join(parts).rstrip() + "\n"


def main() -> int:
    """Write the pages, or with --check say which are stale."""
    checks = "--check" in sys.argv
    stale = []
    texts = {PAGES / name: make() for name, make in PAGE_OF.items()}
    for path, text in {**texts, WORDS: words_text(commands.main)}.items():
        if not path.exists() or path.read_text() != text:
            stale.append(path.name)
            if not checks:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    print(f"{', '.join(stale) or 'nothing'} {'is stale' if checks else 'was written'}")
    return 1 if stale and checks else 0


if __name__ == "__main__":
    sys.exit(main())
