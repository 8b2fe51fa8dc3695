"""Owns: the final count: what the far sides hold, against what the day says they must hold.
Imports: the standard library.
Never: believes the router where a far side can be asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.crash.processes import Landscape
from tests.crash.traffic import Day, Webhook

#: words that end a message for a consumer
FINAL = ("routed", "discarded", "duplicate", "conflict", "dead_lettered")
WORDS = ", ".join(f"'{word}'" for word in FINAL)


def assert_nothing_lost_or_doubled(
    landscape: Landscape, day: Day, accepted: list[str], status: dict[str, Any]
) -> dict[str, int]:
    """Compare everything; return the figures of a summary."""
    assert status["waiting"].get("dead", 0) == 0, status["dead_letters"]
    figures = assert_far_sides(landscape, day)
    assert_one_final_state(landscape, accepted)
    figures["records"] = assert_counters_add_up(landscape, day, status)
    assert_all_that_followed_ended(landscape)
    assert landscape.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]
    return figures


def assert_far_sides(landscape: Landscape, day: Day) -> dict[str, int]:
    """Postings, returns and sales are at the far side exactly once, to the cent."""
    journals = landscape.journals()
    expected = day.expected
    assert doubles(one["reference"] for one in journals) == {}
    assert doubles(one["text"] for one in journals) == {}
    assert {one["text"]: credited(one) for one in journals} == expected.postings
    assert all(debited(one) == credited(one) for one in journals)
    assert sum(credited(one) for one in journals) == sum(expected.postings.values())
    returns, sales = landscape.bi_rows("returns"), landscape.bi_rows("sales")
    assert Counter(row["rma_number"] for row in returns) == Counter(expected.returns)
    assert Counter(row["order_number"] for row in sales) == Counter(list(expected.sales))
    assert {row["order_number"]: cents(row["gross"]) for row in sales} == expected.sales
    return {"postings": len(journals), "returns": len(returns), "sales": len(sales)}


def assert_one_final_state(landscape: Landscape, accepted: list[str]) -> None:
    """Every message that was confirmed, and each one that came of it, ended exactly once."""
    ended = landscape.query(
        f"SELECT message_id, consumer, count(*) FROM journal WHERE word IN ({WORDS})"
        " GROUP BY message_id, consumer"
    )
    assert [row for row in ended if row[2] != 1] == []
    assert set(accepted) - {row[0] for row in ended} == set()
    done = landscape.query(
        "SELECT message_id, count(*) FROM journal WHERE word = 'done' GROUP BY message_id"
    )
    assert [row for row in done if row[1] != 1] == []
    assert len(done) == landscape.query("SELECT count(*) FROM intents")[0][0]


def assert_counters_add_up(landscape: Landscape, day: Day, status: dict[str, Any]) -> int:
    """Records that are on disk = ends of the channels' consumers; return how many."""
    headers = [json.loads(text) for (text,) in landscape.query("SELECT headers FROM deliveries")]
    names = [one.get("file-name") for one in headers]
    records = sum(day.expected.records[name] if name else 1 for name in names)
    files = Counter(name for name in names if name)
    assert files == dict.fromkeys(day.files, 1)
    counted = sum(
        row["n"]
        for row in status["counters"]
        if row["word"] in FINAL and row["consumer"].startswith(("shopify:", "poslog:"))
    )
    assert counted == records
    kept: Counter[tuple[str, str]] = Counter()
    for row in status["counters"]:
        kept[row["consumer"], row["word"]] += row["n"]
    noted = "SELECT consumer, word, count(*) FROM journal GROUP BY consumer, word"
    assert kept == {(consumer, word): n for consumer, word, n in landscape.query(noted)}
    return records


def assert_all_that_followed_ended(landscape: Landscape) -> None:
    """Each object ended at each of its flows, each command at its system; nothing else did."""
    to_flows: Counter[tuple[str, str]] = Counter()
    to_systems: Counter[tuple[str, str]] = Counter()
    for (text,) in landscape.query("SELECT detail FROM journal WHERE word = 'routed'"):
        detail = json.loads(text)
        to_flows.update(
            (one["id"], flow) for one in detail.get("produced", ()) for flow in one["to"]
        )
        to_systems.update((one["id"], one["operation"]) for one in detail.get("sent", ()))
    ends = f"SELECT message_id, consumer FROM journal WHERE word IN ({WORDS}, 'done')"
    ended = Counter(landscape.query(ends))
    assert to_flows == Counter({e: n for e, n in ended.items() if e[1].startswith("flow:")})
    assert to_systems == Counter({e: n for e, n in ended.items() if ":" not in e[1]})


def assert_in_order(landscape: Landscape, confirmed: Iterable[Webhook]) -> int:
    """The effects of one key are at the ledger in the order in which its messages were accepted.

    A sender sends the deliveries of one key one after the other, each when the one before it was
    confirmed: the order of the confirmations is the order that counts. What came again later (a
    repeat, a resend) has had its effects before. Return how many effects were compared.
    """
    expected: dict[str, dict[str, None]] = {}
    keys: dict[str, str] = {}
    for hook in confirmed:
        if hook.key:
            expected.setdefault(hook.key, {}).update(dict.fromkeys(hook.posts))
            keys.update(dict.fromkeys(hook.posts, hook.key))
    found: dict[str, list[str]] = {key: [] for key in expected}
    for one in landscape.journals():
        if one["text"] in keys:
            found[keys[one["text"]]].append(one["text"])
    wrong = {key: (found[key], list(posts)) for key, posts in expected.items()}
    assert {key: pair for key, pair in wrong.items() if pair[0] != pair[1]} == {}
    return len(keys)


def doubles(values: Any) -> dict[str, int]:
    """Return what is there more than once."""
    return {value: n for value, n in Counter(values).items() if n > 1}


def credited(journal: dict[str, Any]) -> int:
    return sum(cents(line["amount"]) for line in journal["lines"] if line["side"] == "C")


def debited(journal: dict[str, Any]) -> int:
    return sum(cents(line["amount"]) for line in journal["lines"] if line["side"] == "D")


def cents(amount: str) -> int:
    """Return an amount in cents, exactly."""
    exact = Decimal(amount) * 100
    assert exact == exact.to_integral_value(), amount
    return int(exact)
