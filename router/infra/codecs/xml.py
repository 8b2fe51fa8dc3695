"""Owns: XML at the border: bytes to the raw form, and the raw form shaped by a JSON Schema.
Imports: core.document, core.errors, infra.codecs.limits.
Never: reads a DTD or an entity of the document's own, converts text to numbers, drops a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias
from xml.parsers import expat

from router.core.document import Json
from router.core.errors import DecodeError, LimitExceeded, MessageError
from router.infra.codecs.limits import Limits

#: A JSON Schema, decoded.
Schema: TypeAlias = Mapping[str, Any]

_DEFAULT = Limits()
#: what expat reads itself, and the two single-byte sets of Western Europe with a euro sign
_EXPAT_ENCODINGS = ("utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "us-ascii")
_ENCODINGS = frozenset((*_EXPAT_ENCODINGS, "iso-8859-15", "windows-1252"))
#: how UTF-16 begins: with its mark, or with the "<" of the first tag
_WIDE = {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\x00": "utf-16-le",
    b"\x00<": "utf-16-be",
}
_BLANK = " \t\r\n"
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"


def decode_xml(
    data: bytes,
    *,
    shape: Schema | None = None,
    namespaces: Mapping[str, str] | None = None,
    limits: Limits = _DEFAULT,
) -> Json:
    """Decode one XML document to `{root name: element}`; all values stay text.

    An element is `{"@attribute": text, "child": [element, ...], "$": text}`: each child a list,
    `$` the joined text, left out when empty beside attributes or children, and trimmed beside
    children. Comments, processing instructions and namespace declarations are left out.
    Prefixes stay as written; with `namespaces` (prefix to URI) names take those prefixes, and a
    namespace that is not listed keeps its own, or is refused where that would be mistaken.
    `shape` is a JSON Schema of the whole document with references into itself only (see
    `shape_by`). DecodeError and LimitExceeded tell line and column (from 1); a DOCTYPE is refused.
    """
    if len(data) > limits.body:
        raise LimitExceeded(f"the body has {len(data)} bytes; the limit is {limits.body}")
    raw = _parse(_narrow(data), limits, namespaces)
    return raw if shape is None else shape_by(raw, shape, lambda ref: _within(shape, ref))


def shape_by(value: Json, schema: Schema, resolve: Callable[[str], Schema]) -> Json:
    """Return the raw form of an element as a JSON Schema (2020-12) describes it; `value` stays.

    Where the schema says object, a list of one becomes that element; where it says string, number,
    integer or boolean, its text ("" when empty); where it says array, each item is shaped.
    Follows `$ref` (through `resolve`, given the reference as written), `properties`, `items` and
    `allOf`. What does not fit stays raw for validation to refuse: several elements for one, text
    wanted from an element that has attributes or children, properties that are not named.
    """
    return _Shaper(resolve=resolve).shaped(value, schema)


# --- parsing ---------------------------------------------------------------------------------


def _narrow(data: bytes) -> bytes | str:
    """Decode UTF-16 strictly: expat takes an unpaired surrogate together with what follows."""
    encoding = _WIDE.get(data[:2])
    if encoding is None:
        return data
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DecodeError(f"byte {error.start}: not UTF-16 ({error.reason})") from error


def _parse(data: bytes | str, limits: Limits, namespaces: Mapping[str, str] | None) -> Json:
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.buffer_text = True
    names = None if namespaces is None else _outermost(namespaces)
    builder = _Builder(parser=parser, limits=limits, names=names)
    parser.XmlDeclHandler = builder.declaration
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(data, True)  # noqa: FBT003 - takes no keywords
    except expat.ExpatError as error:
        place = f"line {error.lineno} column {error.offset + 1}"
        raise DecodeError(f"{place}: {expat.ErrorString(error.code)}") from error
    finally:  # parser and builder hold each other: let the document go without the collector
        parser.XmlDeclHandler = parser.StartDoctypeDeclHandler = None
        parser.StartElementHandler = parser.EndElementHandler = None
        parser.CharacterDataHandler = None
    return builder.root


@dataclass(slots=True)
class _Open:
    """An element whose end has not come; `names` is the scope of prefixes inside it."""

    element: dict[str, Json]
    names: _Names | None
    texts: list[str] = field(default_factory=list)
    length: int = 0
    has_children: bool = False


@dataclass(slots=True)
class _Builder:
    """Takes expat's events and builds the raw form."""

    parser: expat.XMLParserType
    limits: Limits
    names: _Names | None
    root: dict[str, Json] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    nodes: int = 0

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            self._refuse("an encoding that is not taken; write UTF-8")

    def doctype(self, *_parts: object) -> None:
        self._refuse("a DOCTYPE is not taken: no entities, no external references")

    def start(self, name: str, written: list[str]) -> None:
        if len(self.stack) >= self.limits.depth:
            self._exceed(f"elements nested deeper than {self.limits.depth}")
        if len(written) // 2 > self.limits.attributes:
            self._exceed(f"more than {self.limits.attributes} attributes in one element")
        self.nodes += 1 + len(written) // 2
        if self.nodes > self.limits.nodes:
            self._exceed(f"more than {self.limits.nodes} elements and attributes")
        names = self.stack[-1].names if self.stack else self.names
        attributes = list(zip(written[::2], written[1::2], strict=True))
        if names is not None:
            names = names.inside(attributes)
        element = self._attributes(attributes, names)
        self._attach(self._named(name, names), element)
        self.stack.append(_Open(element, names))

    def characters(self, text: str) -> None:
        inner = self.stack[-1]
        inner.length += len(text)
        if inner.length > self.limits.text:
            self._exceed(f"a text of more than {self.limits.text} characters")
        inner.texts.append(text)

    def end(self, _name: str) -> None:
        done = self.stack.pop()
        text = "".join(done.texts)
        if done.has_children:
            text = text.strip(_BLANK)
        if text or not done.element:
            done.element["$"] = text

    def _attributes(
        self, attributes: list[tuple[str, str]], names: _Names | None
    ) -> dict[str, Json]:
        element: dict[str, Json] = {}
        for name, text in attributes:
            if name == "xmlns" or name.startswith("xmlns:"):
                continue
            if len(text) > self.limits.text:
                self._exceed(f"an attribute of more than {self.limits.text} characters")
            key = "@" + (self._named(name, names) if ":" in name else name)
            if key in element:
                self._refuse("two attributes of one name and namespace")
            element[key] = text
        return element

    def _attach(self, name: str, element: dict[str, Json]) -> None:
        if not self.stack:
            self.root[name] = element
            return
        parent = self.stack[-1]
        parent.has_children = True
        parent.element.setdefault(name, []).append(element)

    def _named(self, name: str, names: _Names | None) -> str:
        if names is None:
            return name
        try:
            return names.rewritten(name)
        except ValueError as error:
            self._refuse(str(error))

    def _refuse(self, what: str) -> NoReturn:
        raise self._error(DecodeError, what)

    def _exceed(self, what: str) -> NoReturn:
        raise self._error(LimitExceeded, what)

    def _error(self, kind: type[MessageError], what: str) -> MessageError:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        return kind(f"line {line} column {column}: {what}")


@dataclass(slots=True)
class _Names:
    """Which prefix the author wants for a name, in one scope of the document's prefixes.

    Scopes are linked, not copied: a hostile body declares thousands of prefixes.
    """

    #: the author's prefixes to URIs, and the same the other way
    wanted: Mapping[str, str]
    listed: Mapping[str, str]
    declared: dict[str, str]
    outer: _Names | None = None

    def inside(self, attributes: list[tuple[str, str]]) -> _Names:
        """Return the scope of an element with these attributes: this one unless it declares."""
        declared = {
            name.partition(":")[2]: uri
            for name, uri in attributes
            if name == "xmlns" or name.startswith("xmlns:")
        }
        return _Names(self.wanted, self.listed, declared, self) if declared else self

    def rewritten(self, name: str) -> str:
        """Return the name with the wanted prefix; ValueError when it would be mistaken."""
        prefix, _, local = name.rpartition(":")
        uri = self.uri(prefix)
        if not uri:
            if prefix:
                raise ValueError("a prefix that the document does not declare")
            return name
        if uri in self.listed:
            prefix = self.listed[uri]
        elif prefix in self.wanted:
            raise ValueError("a namespace that is not listed has the prefix of one that is")
        return f"{prefix}:{local}" if prefix else local

    def uri(self, prefix: str) -> str:
        """Return what the prefix means here; nothing when no scope declares it."""
        scope: _Names | None = self
        while scope is not None:
            if prefix in scope.declared:
                return scope.declared[prefix]
            scope = scope.outer
        return ""


def _outermost(wanted: Mapping[str, str]) -> _Names:
    listed = {uri: prefix for prefix, uri in wanted.items()}
    return _Names(wanted, listed, {"xml": _XML_NAMESPACE})


# --- shaping ---------------------------------------------------------------------------------

_TEXTS = frozenset(("string", "number", "integer", "boolean"))


@dataclass(slots=True)
class _View:
    """What a schema says about one value, its references and `allOf` followed."""

    types: set[str] | None = None
    properties: dict[str, list[Schema]] = field(default_factory=dict)
    items: list[Schema] = field(default_factory=list)

    def add(self, schema: Schema) -> None:
        """Take in one schema that the value must satisfy too."""
        said = schema.get("type")
        if said is not None:
            types = {said} if isinstance(said, str) else set(said)
            self.types = types if self.types is None else self.types & types
        for name, one in schema.get("properties", {}).items():
            self.properties.setdefault(name, []).append(one)
        if "items" in schema:
            self.items.append(schema["items"])

    @property
    def form(self) -> str:
        """Return array, object or text: the first that the schema allows; else nothing."""
        if self.types is None:
            return "object" if self.properties else "array" if self.items else ""
        if "array" in self.types:
            return "array"
        if "object" in self.types:
            return "object"
        return "text" if self.types & _TEXTS else ""


@dataclass(slots=True)
class _Shaper:
    resolve: Callable[[str], Schema]
    #: views by the identities of their schemas, which live as long as the shaping
    views: dict[tuple[int, ...], _View] = field(default_factory=dict)
    #: keeps what `resolve` gave, so that an identity is never used again
    resolved: dict[str, Schema] = field(default_factory=dict)

    def shaped(self, value: Json, *schemas: Schema) -> Json:
        """Return the value as all these schemas want it."""
        view = self._view(schemas)
        form = view.form
        if form == "array":
            items = view.items
            return [self.shaped(one, *items) for one in value] if _is_list(value) else value
        one = value[0] if _is_list(value) and len(value) == 1 else value
        if not isinstance(one, dict):
            return value
        if form == "object":
            return {
                name: self.shaped(inner, *view.properties[name])
                if name in view.properties
                else inner
                for name, inner in one.items()
            }
        return one["$"] if form == "text" and one.keys() == {"$"} else value

    def _view(self, schemas: tuple[Schema, ...]) -> _View:
        key = tuple(map(id, schemas))
        view = self.views.get(key)
        if view is None:
            view = self.views[key] = _View()
            for one in self._flat(schemas):
                view.add(one)
        return view

    def _flat(self, schemas: tuple[Schema, ...]) -> Iterator[Schema]:
        """Yield each schema that applies, once; circles of references end."""
        waiting, seen = list(reversed(schemas)), set[int]()
        while waiting:
            one = waiting.pop()
            if not isinstance(one, Mapping) or id(one) in seen:
                continue
            seen.add(id(one))
            yield one
            waiting.extend(reversed(one.get("allOf", ())))
            if "$ref" in one:
                waiting.append(self._target(one["$ref"]))

    def _target(self, ref: str) -> Schema:
        if ref not in self.resolved:
            self.resolved[ref] = self.resolve(ref)
        return self.resolved[ref]


def _is_list(value: Json) -> bool:
    return isinstance(value, list)


def _within(schema: Schema, ref: str) -> Schema:
    """Return what a reference into the same document means; LookupError when it is another."""
    if not ref.startswith("#"):
        raise LookupError(f"{ref} is not in this schema: use shape_by with a resolver")
    found: Any = schema
    for step in ref[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found if isinstance(found, Mapping) else {}
