"""Owns: the bytes of a delivery to its document, by the format that its channel declares.
Imports: core, config, engine.control, infra.codecs.
Never: stores, decides what a document means.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from router.config.channels import Channel
from router.config.contracts import Contracts
from router.config.formats import CellsOptions, ForeignSource
from router.core.document import Decoded, Json
from router.core.errors import MessageError
from router.engine.control import CONTROL
from router.infra.codecs import (
    Cells,
    Limits,
    LineKind,
    decode_cells,
    decode_fixed,
    decode_form,
    decode_json,
    decode_ndjson,
    decode_x12,
    decode_xml,
    shape_by,
)

#: values of a document; a larger body may hold more, one for so many bytes of the limit
LEAST_NODES = 50_000
BYTES_A_NODE = 32

#: the header of a file's delivery with the bytes of the file beside it, each as one character
BESIDE = "file-beside"
BESIDE_LIMIT = 64 * 1024

_Decoder: TypeAlias = Callable[[Any, bytes, Limits], Decoded]


def decode_body(channel: Channel, body: bytes) -> Decoded:
    """Return the document of a delivery. Raises DecodeError or LimitExceeded."""
    source = channel.source
    return _DECODERS[source.format](source, body, _limits(source.body_limit, source.records_limit))


def decode_beside(channel: Channel, headers: Mapping[str, str]) -> Json:
    """Return the document of the file beside a file, null where none says what must be in it.

    Raises MessageError: what it is to say is not known.
    """
    side = channel.control.beside if channel.control is not None else None
    if side is None:
        return None
    try:
        body = headers.get(BESIDE, "").encode("latin-1")
        decoded = _DECODERS[side.format](side, body, _limits(BESIDE_LIMIT, BESIDE_LIMIT))
        if decoded.bad:
            raise decoded.bad[0].error
    except (MessageError, UnicodeEncodeError) as error:
        why = str(error) if isinstance(error, MessageError) else "no text"
        raise MessageError(
            f"the file beside it cannot be read: {why}", place=side.place, code=CONTROL
        ) from error
    return decoded.document


def shaper(channel: Channel, contracts: Contracts) -> Callable[[Json], Json]:
    """Return the function that gives a record the shape which the source declares."""
    contract = channel.source.shape
    if contract is None:
        return _as_it_is

    def resolve(urn: str) -> Mapping[str, Json]:
        return contracts.by_urn(urn) or {}

    return lambda record: shape_by(record, contract.schema, resolve)


def _as_it_is(record: Json) -> Json:
    return record


@functools.cache
def _limits(body: int, records: int) -> Limits:
    nodes = max(LEAST_NODES, body // BYTES_A_NODE)
    return Limits(body=body, nodes=nodes, records=records)


def _json(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return Decoded(document=decode_json(body, limits, long_as_text=bool(source.long_numbers)))


def _ndjson(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return decode_ndjson(body, limits, long_as_text=bool(source.long_numbers))


def _form(_source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return Decoded(document=decode_form(body, limits))


def _xml(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return Decoded(document=decode_xml(body, namespaces=source.namespaces or None, limits=limits))


def _csv(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return decode_cells(body, _cells(source.cells, ",", '"'), limits)


def _tsv(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return decode_cells(body, _cells(source.cells, "\t", ""), limits)


def _fixed(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    lines = source.lines
    assert lines is not None, "held by config.formats"
    kinds = {
        name: LineKind(begins=one.begins, columns=one.columns, inside=one.inside, short=one.short)
        for name, one in lines.kinds.items()
    }
    return decode_fixed(body, kinds, encoding=lines.encoding, limits=limits)


def _x12(source: ForeignSource, body: bytes, limits: Limits) -> Decoded:
    return decode_x12(body, source.loops, limits)


def _cells(options: CellsOptions | None, delimiter: str, quote: str) -> Cells:
    """Return how rows are written, with what a format does where the options say nothing."""
    if options is None:
        return Cells(delimiter=delimiter, quote=quote)
    quotes = {"": quote, "wrap": '"', "plain": ""}
    return Cells(
        delimiter=options.delimiter or delimiter,
        quote=quotes[options.quotes],
        encoding=options.encoding,
        columns=options.columns,
    )


_DECODERS: Mapping[str, _Decoder] = {
    "json": _json,
    "ndjson": _ndjson,
    "form": _form,
    "xml": _xml,
    "csv": _csv,
    "tsv": _tsv,
    "fixed": _fixed,
    "x12": _x12,
}
