"""Owns: what a copied landscape is made to bear: faults, short retries, an order.
Imports: the standard library.
Never: touches the project's own files.
"""

from __future__ import annotations

from tests.crash.processes import Landscape

#: how every endpoint misbehaves when faults are on
FAULTS = (
    "{kind: too_many, share: 3%, lasts: 1s}",
    "{kind: error, share: 3%}",
    "{kind: html, share: 2%}",
    "{kind: half, share: 3%}",
    "{kind: no_answer, share: 2%, lasts: 1500ms}",
    "{kind: slow, share: 4%, lasts: 200ms}",
)
#: soon and often: a test has no time for minutes, and nothing may be used up
DELAYS = ("100ms", "200ms", "500ms", "1s", "1s", "1s", "1s", *("2s",) * 60)


def retry_soon(place: Landscape) -> None:
    """Rewrite the failure policy of the landscape."""
    path = place.root / "routes" / "policies" / "patient.yaml"
    path.write_text(
        "policy: failure\nname: patient\n"
        f"retry: {{after: [{', '.join(DELAYS)}], jitter: 20%, within: 1h}}\nat_last: dead_letter\n"
    )


def misbehave(place: Landscape, faults: tuple[str, ...] = FAULTS, endpoint: str = "- ") -> None:
    """Give faults to the endpoints of the sandbox whose first line begins so; by default to all."""
    path = place.root / "routes" / "sandboxes" / "crash.yaml"
    head, mark, rest = path.read_text().partition("endpoints:\n")
    lines = "".join(f"      - {one}\n" for one in faults)
    made = [
        f"{line}\n    faults:\n{lines}" if line.startswith(f"  {endpoint}") else f"{line}\n"
        for line in rest.splitlines()
    ]
    assert "faults:" in "".join(made), endpoint
    path.write_text(head + mark + "".join(made))


def in_order(place: Landscape) -> None:
    """Let the refunds of one order be handled one after the other."""
    path = place.root / "routes" / "channels" / "shopify.yaml"
    before = "    accept: shopify/refund@1\n"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, f"{before}    order_by: [order, =body.order_id]\n"))
