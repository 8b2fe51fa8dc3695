"""`router lineage` over the landscape: what it prints, in every format, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.tools.conftest import ROOT, Command
from tests.unit.tools.test_graph import LINE


def test_text_tells_fields_by_document_with_their_places(command: Command) -> None:
    done = command("lineage", "payment_dispute.amount", "-p", ROOT)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0] == "payment_dispute@1.amount comes from"
    square = lines[lines.index("  square") :]
    assert square[1] == (
        "    data.object.dispute.amount_money.amount    transforms/square/dispute.yaml:14"
    )
    assert square[4].startswith("      square: dispute.created, ")
    assert "payment_dispute@1.amount feeds" in lines


def test_json_has_both_directions(command: Command) -> None:
    done = command("lineage", "payment_dispute.amount", "-p", ROOT, "--format", "json")
    data = json.loads(done.output)
    assert data["command"] == "lineage"
    assert data["path"] == "payment_dispute@1.amount"
    assert {
        "kind": "channel",
        "name": "adyen",
        "path": "NotificationRequestItem.amount.value",
        "role": "from",
    }.items() <= data["comes_from"][1].items()
    assert data["comes_from"][1]["places"] == [
        {"file": "transforms/adyen/dispute.yaml", "line": 20}
    ]
    way = data["comes_from"][1]["ways"][0]
    assert way == [
        {
            "by": "adyen:CHARGEBACK",
            "transforms": ["adyen/dispute"],
            "makes": "payment_dispute@1.amount",
        }
    ]
    assert {one["name"] for one in data["feeds"]} == {
        *("financial_posting@1", "ledger.post_journal", "legacy_erp.post_file"),
        "retail_return payment.chargeback",
    }


def test_an_event_of_a_workflow_is_named_with_it(command: Command) -> None:
    name = "retail_return payment.chargeback:amount.amount"
    done = command("lineage", name, "-p", ROOT)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"{name} comes from"
    assert "    NotificationRequestItem.amount.value  transforms/adyen/dispute.yaml:20" in lines
    assert f"{name} feeds nothing of this landscape" in lines


def test_mermaid_is_mermaid(command: Command) -> None:
    done = command("lineage", "financial_posting.lines[].amount", "-p", ROOT, "--format", "mermaid")
    lines = done.output.splitlines()
    assert [one for one in lines if not LINE.fullmatch(one)] == []
    assert sum("-->" in one for one in lines) > 40
    assert sum(".->" in one for one in lines) > 20


@pytest.mark.parametrize(
    "said",
    [
        "square:data.object.refund.amount_money.amount",
        "square:refund.amount_money.amount",
        "square/refund.data.object.refund.amount_money.amount",
        "square/refund@1.data.object.refund.amount_money.amount",
    ],
)
def test_a_field_has_several_names(said: str, command: Command) -> None:
    done = command("lineage", said, "-p", ROOT)
    assert done.exit_code == 0
    assert done.output.startswith("square:data.object.refund.amount_money.amount feeds\n")
    assert (
        "    lines[].amount.amount  transforms/ledger/refund_posting.yaml:17,18,19" in done.output
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ledger.post_journal:lines[].amount", "ledger.post_journal:lines[].amount comes from"),
        ("woo.get_refunds:[].amount", "answer of woo.get_refunds:[].amount feeds"),
        ("table accounts", "table accounts feeds"),
    ],
)
def test_requests_answers_and_tables_can_be_asked_for(
    said: str, words: str, command: Command
) -> None:
    done = command("lineage", said, "-p", ROOT)
    assert done.exit_code == 0
    assert done.output.startswith(words)
    assert "by way of" in done.output


def test_an_address_only_comes_from_something(command: Command) -> None:
    done = command("lineage", "address of shop.get_order:get", "-p", ROOT)
    lines = done.output.splitlines()
    assert lines[0] == "address of shop.get_order:get comes from"
    assert lines[2] == "  shopify"
    assert lines[3].startswith("    order.id  routes/channels/shopify.yaml:")
    assert "feeds" not in done.output


def test_an_answer_that_is_taken_out_of_a_body_has_both_directions(command: Command) -> None:
    done = command("lineage", "shop.get_order:line_items", "-p", ROOT)
    lines = done.output.splitlines()
    assert lines[:2] == ["answer of shop.get_order:line_items comes from", ""]
    assert lines[2] == "  body of shop.get_order"
    assert lines[3].split()[0] == "order.line_items"
    assert lines[4:6] == ["    by way of", "      shop.get_order"]
    assert "answer of shop.get_order:line_items feeds" in lines


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("financial_posting.lines[].amont", "no field lines[].amont: did you mean lines[].amount?"),
        ("finacial_posting.lines", "is called finacial_posting: did you mean financial_posting?"),
        ("sqare:data", "is called sqare: did you mean square?"),
        ("square:amount_money.amount", "several fields of square end so: data.object.dispute."),
        ("", "is called : "),
        ("financial_posting.\x1b[31m", "financial_posting@1 has no field "),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(said: str, words: str, command: Command) -> None:
    done = command("lineage", said, "-p", ROOT)
    assert done.exit_code == 2
    assert words in done.output
    assert "\x1b" not in done.output


def test_a_project_of_its_own(base: Path, command: Command) -> None:
    done = command("lineage", "nothing", "-p", base)
    assert done.exit_code == 2
    assert "router: nothing whose fields are known is called nothing" in done.output
