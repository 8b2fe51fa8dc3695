"""The parts of the product as a user starts and asks them, and what is said meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ROUTER = str(Path(sys.executable).parent / "router")
INGRESS = "http://127.0.0.1:8321"
SANDBOX = "http://127.0.0.1:8390"
METRICS = "http://127.0.0.1:9321/metrics"
STATE = ROOT / "var" / "demo"
#: seconds after which something is stuck: twenty times what it takes
PATIENCE = 120
#: what the senders and the router share
SECRETS = {name: secrets.token_hex(16) for name in ("SHOPIFY_SECRET", "RETURNS_DESK_SECRET")}

#: pauses between two looks; nothing else sets it
PAUSE = threading.Event()


def start(*command: str) -> subprocess.Popen[bytes]:
    """Start a part of the product as a user would."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{command[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [ROUTER, *command], cwd=ROOT, stdout=log, stderr=log, env={**os.environ, **SECRETS}
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


def post(client: httpx.Client, path: str, document: Any, headers: dict[str, str]) -> None:
    """Post a document as its sender does: signed, and again until it is taken.

    `headers` name the one that holds the signature by an empty text, and its secret by `secret`.
    """
    body = json.dumps(document).encode()
    secret = SECRETS[headers.pop("secret")]
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    signed = {name: value or digest for name, value in headers.items()}
    signed["content-type"] = "application/json"
    while True:
        try:
            answer = client.post(f"{INGRESS}{path}", content=body, headers=signed)
        except httpx.HTTPError:
            PAUSE.wait(0.1)
            continue
        if answer.status_code == 202:
            return
        if answer.status_code < 500:
            sys.exit(f"{path} was refused: {answer.status_code} {answer.text}")
        PAUSE.wait(0.1)


def moving() -> int:
    """Return how many messages are under way, by the router's metrics.

    What waits for a time or for a person is not, nor is an event whose instance has not come.
    """
    text = httpx.get(METRICS, timeout=PATIENCE).text
    lines = [one for one in text.splitlines() if one.startswith("router_waiting_messages{")]
    queued = [one for one in lines if 'place="dead"' not in one and 'place="due"' not in one]
    retried = [one for one in lines if 'place="due"' in one and 'consumer="workflow:' not in one]
    return sum(int(float(one.rpartition(" ")[2])) for one in (*queued, *retried))


def kept(collection: str = "") -> Any:
    """Return the documents of a collection of the stand-ins; by default how many each one has."""
    return httpx.get(f"{SANDBOX}/_sandbox{collection and '/'}{collection}").json()


def command(*words: str) -> Any:
    """Run a command of the router and return its JSON."""
    return json.loads(text_of(*words, "--format", "json"))


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
