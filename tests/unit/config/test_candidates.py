"""The hint of a missing identity names fields that the contract has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.config.candidates import identity_hint
from router.config.contracts import load_contracts
from router.core.diagnostics import Report

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("properties", "required", "hint"),
    [
        (
            {"order_id": TEXT, "id": WHOLE, "text": TEXT},
            ["order_id", "id", "text"],
            "identity: {object: [note_made, =body.id]}, or =body.order_id",
        ),
        (
            {"id": TEXT, "lot-number": TEXT},
            ["lot-number"],
            'identity: {object: [note_made, =body."lot-number"]}',
        ),
        (
            {"data": {"type": "object", "required": ["id"], "properties": {"id": TEXT}}},
            ["data"],
            "identity: {object: [note_made, =body.data.id]}",
        ),
        (
            {"text": TEXT},
            ["text"],
            "identity: {object: [note_made, =...]}: what a resend has alike",
        ),
    ],
)
def test_an_identity_is_proposed_of_what_is_always_there(
    properties: dict[str, Any], required: list[str], hint: str
) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:contract:inbox/note:1.0.0",
        "type": "object",
        "required": required,
        "properties": properties,
    }
    text = "contract: inbox/note\nowner: us\nversions: {1.0.0: {status: active}}\n"
    report = Report()
    made = load_contracts(
        {
            "contracts/inbox/note/contract.yaml": text,
            "contracts/inbox/note/1.0.0.json": json.dumps(schema),
        },
        report,
    )
    assert report.found == []
    assert identity_hint("note/made", made.versions["inbox/note"]["1.0.0"]) == hint
