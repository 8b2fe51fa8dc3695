"""Plays a web day, a store day and the lives of returns through the running router to stand-ins.

Starts `router sandbox` and `router run`, sends, kills the router in the middle and starts it again,
closes the books, counts what arrived at the systems, and follows a refund and two returns. Exits
with 1 when anything is not right.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import httpx
import returns
from returns import AFTER, BEFORE, CLOSED, SETTLED, Return
from running import (
    INGRESS,
    PATIENCE,
    PAUSE,
    SANDBOX,
    STATE,
    command,
    kept,
    moving,
    post,
    progress,
    say,
    start,
    stop,
    text_of,
    wait_for,
)
from traffic import Day, Webhook, store_day, web_day

WORKFLOW, WINDOW = "retail_return", "gl_posting"
#: returns that are followed: one that waits, one that has ended
FOLLOWED = ("R-PARTLY", "R-CREDIT")


def main() -> int:
    began = time.monotonic()
    shutil.rmtree(STATE, ignore_errors=True)
    sandbox = start("sandbox", "demo")
    router = start("run")
    try:
        wait_for(f"{SANDBOX}/_sandbox", sandbox)
        wait_for(f"{INGRESS}/readyz", router)
        day, lives = web_day(), returns.returns()
        half = len(day.webhooks) // 2
        with httpx.Client() as client:
            files = store_day(day)
            send(client, day.webhooks[:half], "web day, first half")
            put_files(files)
            tell(client, lives, BEFORE, "returns are asked for")
            say("the router is killed (kill -9) and started again")
            router.kill()
            router.wait()
            router = start("run")
            wait_for(f"{INGRESS}/readyz", router)
            send(client, day.webhooks[half:], "web day, second half")
            tell(client, lives, AFTER, "goods come back")
            settle()
            tell(client, lives, SETTLED, "second thoughts")
            settle()
            close_the_books()
            tell(client, lives, CLOSED, "late goods")
        settle()
        right = report(day, lives)
        say(f"played in {time.monotonic() - began:.0f} s")
        return 0 if right else 1
    finally:
        for process in (router, sandbox):
            stop(process)


def send(client: httpx.Client, webhooks: Sequence[Webhook], what: str) -> None:
    """Post webhooks as the shop does."""
    for number, webhook in enumerate(webhooks, 1):
        headers = {
            "x-shopify-hmac-sha256": "",
            "x-shopify-topic": webhook.topic,
            "x-shopify-event-id": webhook.event,
            "x-shopify-shop-domain": webhook.shop,
            "secret": "SHOPIFY_SECRET",
        }
        post(client, "/in/shopify", webhook.body, headers)
        progress(what, number, len(webhooks))


def tell(client: httpx.Client, lives: Sequence[Return], when: int, what: str) -> None:
    """Post what our own applications say of returns at one time."""
    said = [(life, one) for life in lives for one in life.said if one.when == when]
    for number, (life, one) in enumerate(said, 1):
        headers = {
            "x-desk-signature": "",
            "x-desk-event": one.event,
            "x-desk-delivery": f"{life.key} {when} {number}",
            "secret": "RETURNS_DESK_SECRET",
        }
        post(client, "/in/returns", one.body, headers)
        progress(what, number, len(said))


def put_files(files: dict[str, str]) -> None:
    """Put a store day into the folder as a store does: whole, under its final name."""
    folder = STATE / "in" / "poslog"
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, text) in enumerate(sorted(files.items()), 1):
        beside = folder / f".{name}"
        beside.write_text(text)
        beside.rename(folder / name)
        progress("store day, files", number, len(files))


def settle() -> None:
    """Wait until nothing is under way and the files are read."""
    deadline = time.monotonic() + PATIENCE
    quiet = 0
    while time.monotonic() < deadline:
        files = list((STATE / "in" / "poslog").glob("*.xml"))
        quiet = quiet + 1 if not moving() and not files else 0
        if quiet >= 2:
            return
        PAUSE.wait(0.2)
    sys.exit("it does not come to rest: see var/demo/run.log and router status")


def close_the_books() -> None:
    """Close the window of the ledger early: money first, then the goods that wait for it."""
    say(f"the books close early (router workflow close-window {WORKFLOW} {WINDOW})")
    for _ in range(2):
        words = ("workflow", "close-window", WORKFLOW, WINDOW, "--reason", "the month ends")
        text_of(*words)
        settle()


def labels() -> dict[str, str]:
    """Return the label of every return."""
    found = command("workflow", "list", WORKFLOW, "--limit", "1000")
    return {one["key"]: one["label"] for one in found["instances"]}


def report(day: Day, lives: Sequence[Return]) -> bool:
    """Print what happened and what arrived, and follow some; return whether all is right."""
    asked = [("status",), *(("trace", one) for one in (day.refund_order, *FOLLOWED))]
    with ThreadPoolExecutor() as pool:  # each takes a moment to start
        now = pool.submit(labels)
        status, refund, *followed = pool.map(lambda words: text_of(*words), asked)
    print("\nWhat happened to each kind (router status):\n")
    print(status)
    print("\nWhat arrived at the systems, counted there:\n")
    right = [report_day(day), report_effects(lives)]
    print(f"\nWhat became of the returns (router workflow list {WORKFLOW}):\n")
    right.append(report_lives(lives, now.result()))
    print(f"\nOne refund, from the webhook to the posting (router trace {day.refund_order}):\n")
    print(refund)
    for key, text in zip(FOLLOWED, followed, strict=True):
        print(f"\nOne return (router trace {key}):\n")
        print(text)
    return all(right)


def report_day(day: Day) -> bool:
    """Print what arrived of the web day and the store day."""
    direct = sum(not returns.is_of_returns(one) for one in kept("journals"))
    arrived = {
        "postings at the ledger": (direct, day.postings),
        "postings in old books": (filed(), day.postings),
        "returns in BI files": (lines("returns"), day.returns),
        "sales in BI files": (lines("sales"), day.sales),
    }
    for what, (have, want) in arrived.items():
        show(what, have, want, right=have == want)
    return all(have == want for have, want in arrived.values())


def report_effects(lives: Sequence[Return]) -> bool:
    """Print what systems were asked for by returns: each of it once, to the cent."""
    have = returns.found({name: kept(name) for name in kept() if name != "orders"})
    want: Counter[returns.Effect] = Counter()
    for life in lives:
        want.update(life.effects)
    for name in dict.fromkeys(one for one, *_ in want | have):
        counts = [sum(n for (one, *_), n in some.items() if one == name) for some in (have, want)]
        wrong = [one for one in want | have if one[0] == name and have[one] != want[one]]
        show(f"{name} of returns", counts[0], counts[1], right=not wrong)
        for one in wrong:
            print(f"    {' '.join(one)}: {have[one]} of {want[one]}")
    return have == want


def report_lives(lives: Sequence[Return], now: dict[str, str]) -> bool:
    """Print what became of each return, and whether that is right."""
    right = now.keys() == {life.key for life in lives}
    for life in lives:
        label = now.get(life.key, "nothing")
        fits = label == life.label
        if life.about != returns.ORDINARY or not fits:
            told = f"{life.key:<18} {label:<20} {life.about:<50}"
            print(f"  {told} {'right' if fits else 'WRONG'}")
        right = right and fits
    some = [now.get(life.key) for life in lives if life.about == returns.ORDINARY]
    print(f"  {len(some)} ordinary ones: {', '.join(sorted({str(one) for one in some}))}")
    return right


def show(what: str, have: int, want: int, *, right: bool) -> None:
    """Print a count and whether it is right."""
    print(f"  {what:<24} {have:>4} of {want}   {'right' if right else 'WRONG'}")


def lines(folder: str) -> int:
    """Count the lines of a folder of BI files."""
    return sum(
        len(path.read_text().splitlines()) for path in (STATE / "bi" / folder).glob("*.json")
    )


def filed() -> int:
    """Count the files of the old books that an XML parser reads."""
    folder = STATE / "legacy_erp" / "postings"
    roots = [ET.parse(path).getroot() for path in folder.glob("*.xml")]  # noqa: S314 (our own)
    return sum(root.tag.endswith("Posting") for root in roots)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
