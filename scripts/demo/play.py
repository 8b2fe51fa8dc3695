"""Plays a web day and a store day through the running router to the stand-in systems.

Starts `router sandbox` and `router run`, sends, kills the router in the middle and starts it again,
counts what arrived at the systems, and follows one refund. Exits with 1 when a count is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
from traffic import Day, Webhook, store_day, web_day

ROOT = Path(__file__).resolve().parents[2]
ROUTER = str(Path(sys.executable).parent / "router")
INGRESS = "http://127.0.0.1:8321"
SANDBOX = "http://127.0.0.1:8390"
SECRET = secrets.token_hex(16)
STATE = ROOT / "var" / "demo"
#: seconds after which something is stuck: twenty times what it takes
PATIENCE = 120

#: pauses between two looks; nothing else sets it
PAUSE = threading.Event()


def main() -> int:
    began = time.monotonic()
    shutil.rmtree(STATE, ignore_errors=True)
    sandbox = start("sandbox", "demo")
    router = start("run")
    try:
        wait_for(f"{SANDBOX}/_sandbox", sandbox)
        wait_for(f"{INGRESS}/readyz", router)
        day = web_day()
        files = store_day(day)
        half = len(day.webhooks) // 2
        with httpx.Client() as client:
            send(client, day.webhooks[:half], "web day, first half")
            put_files(files)
            say("the router is killed (kill -9) and started again")
            router.kill()
            router.wait()
            router = start("run")
            wait_for(f"{INGRESS}/readyz", router)
            send(client, day.webhooks[half:], "web day, second half")
        settle(day)
        right = report(day)
        took = time.monotonic() - began
        say(f"played in {took:.0f} s")
        return 0 if right else 1
    finally:
        for process in (router, sandbox):
            stop(process)


def start(*command: str) -> subprocess.Popen[bytes]:
    """Start a part of the product as a user would."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{command[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [ROUTER, *command],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={**os.environ, "SHOPIFY_SECRET": SECRET},
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a part answers; when it ended instead, show why and stop."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            logs = "".join(path.read_text()[-2000:] for path in sorted(STATE.glob("*.log")))
            sys.exit(f"it did not start:\n{logs}")
        try:
            if httpx.get(url, timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        PAUSE.wait(0.1)
    sys.exit(f"{url} does not answer")


def send(client: httpx.Client, webhooks: list[Webhook], what: str) -> None:
    """Post webhooks as the shop does: signed, and again until they are taken."""
    for number, webhook in enumerate(webhooks, 1):
        body = json.dumps(webhook.body).encode()
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "x-shopify-topic": webhook.topic,
            "x-shopify-event-id": webhook.event,
            "x-shopify-shop-domain": "outdoor.example.com",
        }
        while True:
            try:
                answer = client.post(f"{INGRESS}/in/shopify", content=body, headers=headers)
            except httpx.HTTPError:
                PAUSE.wait(0.1)
                continue
            if answer.status_code == 202:
                break
            if answer.status_code < 500:
                sys.exit(f"{webhook.topic} was refused: {answer.status_code} {answer.text}")
            PAUSE.wait(0.1)
        progress(what, number, len(webhooks))


def put_files(files: dict[str, str]) -> None:
    """Put a store day into the folder as a store does: whole, under its final name."""
    folder = STATE / "in" / "poslog"
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, text) in enumerate(sorted(files.items()), 1):
        beside = folder / f".{name}"
        beside.write_text(text)
        beside.rename(folder / name)
        progress("store day, files", number, len(files))


def settle(day: Day) -> None:
    """Wait until nothing is under way and the files are read."""
    deadline = time.monotonic() + PATIENCE
    quiet, shown = 0, 0
    while time.monotonic() < deadline:
        status = command("status", "--format", "json")
        waiting = sum(n for name, n in status["waiting"].items() if name != "dead")
        files = list((STATE / "in" / "poslog").glob("*.xml"))
        posted = httpx.get(f"{SANDBOX}/_sandbox").json()["journals"]
        if posted != shown:
            progress("postings at the ledger", posted, day.postings)
            shown = posted
        quiet = quiet + 1 if not waiting and not files else 0
        if quiet >= 2:
            return
        PAUSE.wait(0.5)
    sys.exit("it does not come to rest: see var/demo/run.log and router status")


def report(day: Day) -> bool:
    """Print what happened to each kind, what arrived, and one refund's way."""
    print("\nWhat happened to each kind (router status):\n")
    print(text_of("status"))
    arrived = {
        "postings at the ledger": (
            httpx.get(f"{SANDBOX}/_sandbox").json()["journals"],
            day.postings,
        ),
        "postings in old books": (filed(), day.postings),
        "returns in BI files": (lines("returns"), day.returns),
        "sales in BI files": (lines("sales"), day.sales),
    }
    print("\nWhat arrived at the systems, counted there:\n")
    for what, (have, want) in arrived.items():
        print(f"  {what:<24} {have:>4} of {want}   {'right' if have == want else 'WRONG'}")
    print(f"\nOne refund, from the webhook to the posting (router trace {day.refund_order}):\n")
    print(text_of("trace", day.refund_order))
    return all(have == want for have, want in arrived.values())


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


def command(*words: str) -> Any:
    """Run a command of the router and return its JSON."""
    return json.loads(text_of(*words))


def text_of(*words: str) -> str:
    """Run a command of the router and return what it prints."""
    done = subprocess.run([ROUTER, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"router {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout.rstrip()


def progress(what: str, number: int, total: int) -> None:
    """Show how far it is; one line a stage where nobody watches."""
    if sys.stdout.isatty():
        print(
            f"\r  {what:<28} {number:>4} of {total}",
            end="\n" if number >= total else "",
            flush=True,
        )
    elif number == total:
        print(f"  {what:<28} {number:>4} of {total}", flush=True)


def say(text: str) -> None:
    """Print a line about what is going on."""
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
