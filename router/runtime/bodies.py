"""Owns: the bytes of a delivery to its document, by the format that its channel declares.
Imports: core, config, infra.codecs.
Never: stores, decides what a document means.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TypeAlias

from router.config.channels import Channel, Source
from router.config.contracts import Contracts
from router.config.formats import CellsOptions
from router.core.document import Decoded, Json
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

_Decoder: TypeAlias = Callable[[Source, bytes, Limits], Decoded]


def decode_body(channel: Channel, body: bytes) -> Decoded:
    """Return the document of a delivery. Raises DecodeError or LimitExceeded."""
    source = channel.source
    return _DECODERS[source.format](source, body, _limits(source.body_limit, source.records_limit))


def shaper(channel: Channel, contracts: Contracts) -> Callable[[Json], Json]:
    """Return the function that gives a record the shape which the source declares."""
    contract = channel.source.shape
    if contract is None:
        return lambda record: record

    def resolve(urn: str) -> Mapping[str, Json]:
        return contracts.by_urn(urn) or {}

    return lambda record: shape_by(record, contract.schema, resolve)


@functools.cache
def _limits(body: int, records: int) -> Limits:
    nodes = max(LEAST_NODES, body // BYTES_A_NODE)
    return Limits(body=body, nodes=nodes, records=records)


def _json(source: Source, body: bytes, limits: Limits) -> Decoded:
    return Decoded(document=decode_json(body, limits, long_as_text=bool(source.long_numbers)))


def _ndjson(source: Source, body: bytes, limits: Limits) -> Decoded:
    return decode_ndjson(body, limits, long_as_text=bool(source.long_numbers))


def _form(_source: Source, body: bytes, limits: Limits) -> Decoded:
    return Decoded(document=decode_form(body, limits))


def _xml(source: Source, body: bytes, limits: Limits) -> Decoded:
    return Decoded(document=decode_xml(body, namespaces=source.namespaces or None, limits=limits))


def _csv(source: Source, body: bytes, limits: Limits) -> Decoded:
    return decode_cells(body, _cells(source.cells, ",", '"'), limits)


def _tsv(source: Source, body: bytes, limits: Limits) -> Decoded:
    return decode_cells(body, _cells(source.cells, "\t", ""), limits)


def _fixed(source: Source, body: bytes, limits: Limits) -> Decoded:
    lines = source.lines
    assert lines is not None, "held by config.formats"
    kinds = {
        name: LineKind(begins=one.begins, columns=one.columns, inside=one.inside, short=one.short)
        for name, one in lines.kinds.items()
    }
    return decode_fixed(body, kinds, encoding=lines.encoding, limits=limits)


def _x12(source: Source, body: bytes, limits: Limits) -> Decoded:
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
