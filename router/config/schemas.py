"""Owns: the schema files of contracts: reading them, what must hold of each and between them.
Imports: core, config.annotations, config.demands, config.pointers, config.source, config.visits,
config.validation.
Never: reads disk (project hands the texts in); lets a schema in that a validator could not bear.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from router.config.annotations import ALSO, FILLED, FILLINGS, is_filling
from router.config.demands import MAX_DEPTH, is_too_deep, wrong_pattern
from router.config.pointers import parts_of
from router.config.source import Node, Sequence, Table, read_yaml
from router.config.validation import FORMATS, schema_mistakes
from router.config.visits import Burden, lost_references, measured
from router.core.diagnostics import Place, Report, nearest

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PATTERN_HINT = "say it with character classes and bounded repeats"
#: mistakes of one kind that are told of one schema
MAX_MISTAKES = 50
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_KEYWORDS = frozenset(
    re.findall(
        r"\S+",
        """$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment $defs
        allOf anyOf oneOf not if then else dependentSchemas prefixItems items contains properties
        patternProperties additionalProperties propertyNames unevaluatedItems unevaluatedProperties
        type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength
        minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties
        minProperties required dependentRequired format title description default deprecated
        readOnly writeOnly examples contentEncoding contentMediaType contentSchema""",
    )
)
#: after these findings no validator can be made of a schema
_UNUSABLE = ("E156", "E157", "E204", "E205", "E206", "E208")
_NAMED_SCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS = (
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
)
_NESTING = frozenset((*_NAMED_SCHEMAS, *_SCHEMA_LISTS, *_SCHEMAS))


def load_schemas(
    texts: Mapping[str, str], report: Report
) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str], int]]:
    """Return the schemas without a mistake by (name, version) of the project's texts, and the most
    that one value can cost who tells what is wrong with it.
    """
    schemas = _sound(_read(texts, report))
    weights = _bearable(schemas, texts, report)
    return _sound({key: schemas[key] for key in weights}), weights


def _read(texts: Mapping[str, str], report: Report) -> dict[tuple[str, str], Any]:
    """Return each version file `contracts/<name>/<version>.json` that is a schema by itself."""
    found: dict[tuple[str, str], Any] = {}
    for path, text in sorted(texts.items()):
        folder, _, file = path.rpartition("/")
        version = file.removesuffix(".json")
        if not file.endswith(".json") or not _VERSION.fullmatch(version):
            continue
        name = folder.removeprefix("contracts/")
        try:
            schema = json.loads(text, object_pairs_hook=_no_key_twice)
            if "\\u" in text or not text.isascii():
                json.dumps(schema, ensure_ascii=False).encode()  # refuses half a surrogate pair
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            column = getattr(error, "colno", 1)
            what = getattr(error, "msg", str(error))
            report.error("E201", Place(path, line, column), f"not JSON: {what}")
            continue
        except RecursionError:
            report.error("E201", Place(path), "not JSON: nested too deep")
            continue
        if is_too_deep(schema):
            deep = f"nested deeper than {MAX_DEPTH}"
            report.error("E157", Place(path), deep, "name a part of it: $defs with $ref")
            continue
        found[name, version] = schema
    known = {f"urn:contract:{name}:{version}" for name, version in found}
    for (name, version), schema in list(found.items()):
        path = f"contracts/{name}/{version}.json"
        before = len(report.found)
        _check_schema(schema, (path, texts[path]), known, report)
        if any(one.code in _UNUSABLE for one in report.found[before:]):
            del found[name, version]
    return found


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice} twice in one object")
    return made


def _id(name: str, version: str) -> str:
    return f"urn:contract:{name}:{version}"


def _bearable(
    schemas: dict[tuple[str, str], Any], texts: Mapping[str, str], report: Report
) -> dict[tuple[str, str], int]:
    """Return what the schemas cost whose references lead somewhere and that ask a bounded number
    of questions.
    """
    by_id = {_id(name, version): one for (name, version), one in schemas.items()}
    kept = {}
    for name, version in schemas:
        base, path = _id(name, version), f"contracts/{name}/{version}.json"
        lost = list(lost_references(base, by_id))
        for pointer, reference in lost[:MAX_MISTAKES]:
            at = _place(path, texts[path], pointer)
            report.error("E208", at, f"{pointer} {reference}: nothing is there")
        burden = 0 if lost else measured(base, by_id)
        if isinstance(burden, Burden):
            where = burden.spot[1] if burden.spot[0] == base else ""
            at = _place(path, texts[path], where)
            hint = "name each schema once for each value; with a discriminator: if, then"
            report.error("E157", at, f"{where or '/'} {burden.text}", hint)
        elif not lost:
            kept[name, version] = burden
    return kept


def _sound(schemas: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Return the schemas whose references lead to schemas without a mistake."""
    while True:
        known = {f"urn:contract:{name}:{version}" for name, version in schemas}
        sound = {key: one for key, one in schemas.items() if _bases(one) <= known}
        if len(sound) == len(schemas):
            return sound
        schemas = sound


def _bases(schema: Any) -> set[str]:
    """Return the ids that a schema's references begin with."""
    children = schema.values() if isinstance(schema, dict) else schema
    found = {base for one in children if isinstance(one, dict | list) for base in _bases(one)}
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if isinstance(reference, str) and not reference.startswith("#"):
        found.add(reference.partition("#")[0])
    return found


@lru_cache(1)  # the mistakes of one file are told one after the other
def _nodes(path: str, text: str) -> Node | None:
    return read_yaml(text, path)[0]


def _place(path: str, text: str, pointer: str) -> Place:
    """Return where a JSON pointer of a file leads; its first character when that is not known."""
    node = _nodes(path, text)
    place = node.place if node is not None else Place(path)
    for part in parts_of(pointer):
        if isinstance(node, Table):
            entry = next((one for one in node.entries if one.key == part), None)
            if entry is None:
                return place
            place, node = entry.place, entry.node
        elif isinstance(node, Sequence) and part.isdigit() and int(part) < len(node.items):
            node = node.items[int(part)]
            place = node.place
    return place


def _check_schema(schema: Any, source: tuple[str, str], known: set[str], report: Report) -> None:
    path, text = source
    if not isinstance(schema, dict) or schema.get("$schema") != DIALECT:
        place = _place(path, text, "/$schema")
        report.error("E205", place, "the dialect is not 2020-12", f'"$schema": "{DIALECT}"')
        return
    name, _, version = path.removeprefix("contracts/").removesuffix(".json").rpartition("/")
    wanted = f"urn:contract:{name}:{version}"
    if schema.get("$id") != wanted:
        place = _place(path, text, "/$id")
        report.error("E206", place, "$id is not the name of the file", f'"$id": "{wanted}"')
    mistakes = schema_mistakes(schema)
    for pointer, what in mistakes:
        report.error("E204", _place(path, text, pointer), f"{pointer or '/'} {what}")
    if not mistakes:
        own = Report()
        _check_subschema(schema, "", source, (known, own))
        report.extend(own.found)


def _check_subschema(
    schema: Any, pointer: str, source: tuple[str, str], within: tuple[set[str], Report]
) -> None:
    if not isinstance(schema, dict):
        return
    known, report = within
    for key, value in schema.items():
        if len(report.found) >= MAX_MISTAKES:
            return
        found = _keyword_mistake(key, value, pointer, known)
        if found is not None:
            code, message, hint = found
            at = _place(*source, f"{pointer}/{_escaped(key)}")
            report.error(code, at, f"{pointer}/{message}", hint)
    if _NESTING.isdisjoint(schema):
        return
    for key in _NAMED_SCHEMAS:
        for name, child in (schema.get(key) or {}).items():
            _check_subschema(child, f"{pointer}/{key}/{_escaped(name)}", source, within)
    for key in _SCHEMA_LISTS:
        for index, child in enumerate(schema.get(key) or ()):
            _check_subschema(child, f"{pointer}/{key}/{index}", source, within)
    for key in _SCHEMAS:
        _check_subschema(schema.get(key), f"{pointer}/{key}", source, within)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _keyword_mistake(
    key: str, value: Any, pointer: str, known: set[str]
) -> tuple[str, str, str] | None:
    """Return (code, message, hint) when a keyword of a subschema is wrong by itself."""
    if pointer and key in ("$id", "$schema"):
        return "E206", f"{key}: only the top has one", "leave it out"
    if key not in _KEYWORDS and not key.startswith("x-"):
        close = nearest(key, _KEYWORDS)
        own = "your own keywords begin with x-"
        return "E207", f"{key}: unknown keyword", close if close.startswith("did") else own
    if key == "$ref" and isinstance(value, str) and not value.startswith("#"):
        base = value.partition("#")[0]
        if base not in known:
            return "E208", f"$ref {value}: no such contract version", nearest(base, known)
    if key == "pattern" and isinstance(value, str) and wrong_pattern(value):
        return "E156", f"{key}: {wrong_pattern(value)}", _PATTERN_HINT
    if key == "patternProperties" and isinstance(value, dict):
        wrong = next(filter(None, map(wrong_pattern, value)), "")
        if wrong:
            return "E156", f"{key}: a name {wrong}", _PATTERN_HINT
    if key == ALSO and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return "E150", f"{key}: not a list of names", f'"{ALSO}": ["item_number"]'
    if key == FILLED and not is_filling(value):
        return "E151", f"{key}: unknown word", nearest(str(value), FILLINGS)
    if key == "format" and value not in FORMATS:
        return "E209", f"format {value}: unknown format", nearest(str(value), FORMATS)
    return None
