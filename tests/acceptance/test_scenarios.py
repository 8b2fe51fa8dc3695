"""What operations read of what goes wrong: whole traces, as `router trace` prints them.

Times are shown as YYYY-MM-DDThh:mm:ss.mmmZ, messages and deliveries by the names that a test gives
them, our references as <ours>. Everything else is exact. The project is tests/acceptance/parcels.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.desk import Desk, box, parcel, parcels

pytestmark = pytest.mark.timeout(120)

#: ends of the process after which a message is known as what ends it
ENDS = 3


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The desk with its carrier; the daemon runs."""
    made = Desk(parcels(tmp_path / "parcels"))
    try:
        made.place.start_sandbox()
        made.place.start_daemon()
        yield made
    finally:
        made.place.close()


#: a parcel that went all the way
DELIVERED = """\
order/O-1
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <first's delivery>, message <first>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  routed
                            -> parcel@1.0.0 P-1 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-1
"""


def test_a_conflict(desk: Desk) -> None:
    """The same parcel with other boxes: the first one stands, a person looks at the second."""
    desk.sends("first", "packed", parcel("P-1", "O-1"))
    desk.sends("other", "packed", parcel("P-1", "O-1", box("P-1-1"), box("P-1-2")))
    assert (
        desk.trace("O-1")
        == DELIVERED
        + """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <other's delivery>, message <other>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  conflict with <first>: same identity, other content
                          desk:packed is a dead letter: router dead show <other>
"""
    )
    assert desk.found_by("P-1", "order/O-1", "event-other", desk.id_of("other")) == {"order/O-1"}
    assert desk.made() == ["P-1-1"]

    desk.router("dead", "resolve", desk.id_of("other"), "--reason", "the first was right")
    assert (
        desk.trace("O-1")
        == DELIVERED
        + """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <other's delivery>, message <other>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  conflict with <first>: same identity, other content
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  resolved: the first was right
"""
    )


def test_a_duplicate(desk: Desk) -> None:
    """The same delivery again, and the same parcel in a delivery of its own."""
    desk.sends("first", "packed", parcel("P-1", "O-1"), event="e-1")
    desk.sends("again", "packed", parcel("P-1", "O-1"), event="e-1")
    desk.sends("told anew", "packed", parcel("P-1", "O-1"), event="e-2")
    assert (
        desk.trace("O-1")
        == DELIVERED
        + """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <again's delivery>, message <again>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  duplicate of <first>: nothing is done
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <told anew's delivery>, message <told anew>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  duplicate of <first>: nothing is done
"""
    )
    (ours,) = desk.place.query("SELECT reference FROM intents")[0]
    assert desk.found_by("e-1", "e-2", "P-1", desk.id_of("again"), ours, "B-1") == {"order/O-1"}
    assert desk.made() == ["P-1-1"]


def test_a_null_identity(desk: Desk) -> None:
    """A parcel without a number is no parcel: two of them would be one."""
    body = {"parcel": None, "order": "O-2", "boxes": [box("X-1")]}
    desk.sends("nameless", "packed", json.dumps(body).encode(), event="e-1")
    desk.sends("nameless too", "packed", json.dumps(body).encode(), event="e-2")
    assert (
        desk.trace("e-1")
        == """\
<nameless>
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <nameless's delivery>, message <nameless>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  dead_lettered: no_identity in accept at \
routes/channels/desk.yaml:11:34: a part of the identity of desk:packed is null: a text or an \
integer is wanted
                          desk:packed is a dead letter: router dead show <nameless>
"""
    )
    assert desk.pointed_at("routes/channels/desk.yaml:11:34").startswith("body.parcel]")
    both = {"<nameless>", "<nameless too>"}
    assert desk.found_by("O-2") == both
    assert desk.found_by("e-1", "e-2") == both
    assert desk.made() == []


def test_a_message_that_ends_the_process(desk: Desk) -> None:
    """It is found after three ends; what came before and after it goes through."""
    desk.place.end_daemon(signal.SIGTERM, 20)
    desk.place.failpoint = "loop.decide.weighed"
    desk.place.start_daemon()
    desk.sends("before", "packed", parcel("P-1", "O-1"))
    desk.settle()
    desk.sends("killer", "weighed", parcel("P-2", "O-2"))
    for _ in range(ENDS - 1):
        desk.dies()
        desk.place.start_daemon(wait=False)
    desk.dies()
    assert desk.place.query("SELECT * FROM dead") == [], "it is not blamed too soon"
    desk.place.start_daemon()
    desk.sends("after", "packed", parcel("P-3", "O-2"))

    assert (
        desk.trace("O-2")
        == """\
order/O-2
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <killer's delivery>, message <killer>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:weighed  dead_lettered: killer in loop: the process ended with it \
alone in hand
                          desk:weighed is a dead letter: router dead show <killer>
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <after's delivery>, message <after>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  routed
                            -> parcel@1.0.0 P-3 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-2
"""
    )
    assert desk.found_by("order/O-2", desk.id_of("killer")) == {"order/O-2"}
    assert desk.made() == ["P-1-1", "P-3-1"]
    assert desk.place.daemon is not None
    assert desk.place.daemon.poll() is None


NULS = {
    "a raw byte in a text": (
        b'{"parcel": "P\x00"}',
        "line 1 column 14 (byte 13), at /parcel: NUL in text",
    ),
    "written out in a text": (
        b'{"parcel": "P\\u0000"}',
        "line 1 column 14 (byte 13), at /parcel: NUL in text",
    ),
    "a raw byte in a name": (
        b'{"par\x00cel": "P"}',
        "line 1 column 6 (byte 5): NUL in text",
    ),
    "a raw byte before a value": (
        b'{"parcel": \x00"P"}',
        "line 1 column 12 (byte 11), at /parcel: expected a value",
    ),
    "a raw byte behind all": (
        b'{"parcel": "P"}\x00',
        "line 1 column 16 (byte 15): text after the end of the document",
    ),
}


@pytest.fixture(scope="module")
def nuls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk to which bodies with NUL come."""
    made = Desk(parcels(tmp_path_factory.mktemp("nuls") / "parcels"))
    try:
        made.place.start_daemon()
        yield made
    finally:
        made.place.close()


@pytest.mark.parametrize("case", NULS)
def test_nul(nuls: Desk, case: str) -> None:
    """A store's text and a C string end at it: it is taken, kept as it came, and goes nowhere."""
    body, said = NULS[case]
    event = f"e-{list(NULS).index(case)}"
    nuls.sends("odd", "packed", body, event=event)
    assert (
        nuls.trace(event)
        == f"""\
<odd>
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <odd's delivery>, message <odd>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:?  dead_lettered: undecodable in decode: {said}
                          desk:? is a dead letter: router dead show <odd>
"""
    )
    raw = nuls.place.command("dead", "show", nuls.id_of("odd"), "--raw", "--env", "crash")
    assert raw.stdout.encode() == body


def moved(name: str, order: str) -> str:
    """Return what a trace says of a parcel that moved all the way."""
    return f"""\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <{name}'s delivery>, message <{name}>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  routed
                            -> parcel@1.0.0 {name} to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs {order}
"""


#: the first of an order, in a size that the carrier does not know
PARKED = """\
order/O-1
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <P-1's delivery>, message <P-1>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  dead_lettered: transform_failed in transform at \
transforms/desk/parcel.yaml:10:15: lookup('sizes'): unknown key and no default: add a row in \
=lookup('sizes', item.size)
"""


def test_a_parked_key_is_released_by_a_retry(desk: Desk) -> None:
    """What comes later for the order waits; another order goes through."""
    desk.sends("P-1", "moved", parcel("P-1", "O-1", box("P-1-1", size="XL")))
    desk.sends("P-2", "moved", parcel("P-2", "O-1"))
    desk.sends("P-3", "moved", parcel("P-3", "O-1"))
    desk.sends("P-4", "moved", parcel("P-4", "O-2"))
    assert (
        desk.trace("O-1")
        == PARKED
        + """\
                          desk:moved is a dead letter: router dead show <P-1>
                            behind it, with the same key: 2 (<P-2>, <P-3>)
"""
    )
    assert desk.trace("O-2") == "order/O-2\n" + moved("P-4", "B-1")
    assert desk.router("status").splitlines()[-2] == "waiting: dead 1, held_back 2"

    table = desk.place.root / "routes" / "tables" / "sizes.yaml"
    table.write_text(table.read_text() + "  XL: giant\n")
    desk.reloads()
    desk.router("dead", "retry", desk.id_of("P-1"), "--reason", "the size is known now")
    assert (
        desk.trace("O-1")
        == PARKED
        + """\
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  replayed: the size is known now (attempt 2)
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  routed (attempt 2)
                            -> parcel@1.0.0 P-1 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-2
"""
        + moved("P-2", "B-3")
        + moved("P-3", "B-4")
    )
    assert desk.found_by("P-1", "P-2", "event-P-3", "B-4") == {"order/O-1"}
    assert desk.made() == ["P-4-1", "P-1-1", "P-2-1", "P-3-1"]


def test_a_parked_key_is_released_by_resolving(desk: Desk) -> None:
    """The first one is given up: the next one goes on."""
    desk.sends("P-1", "moved", parcel("P-1", "O-1", box("P-1-1", size="XL")))
    desk.sends("P-2", "moved", parcel("P-2", "O-1"))
    desk.settle()
    desk.router("dead", "resolve", desk.id_of("P-1"), "--reason", "sent by hand")
    assert (
        desk.trace("O-1")
        == PARKED
        + """\
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  resolved: sent by hand
"""
        + moved("P-2", "B-1")
    )
    assert desk.made() == ["P-2-1"]


def test_a_half_accepted_batch(desk: Desk, tmp_path: Path) -> None:
    """The carrier takes two of three boxes; only the one that it refused is sent again."""
    boxes = (box("a"), box("b", address=""), box("c"))
    desk.sends("first", "packed", parcel("P-1", "O-1", *boxes))
    desk.settle()
    (command,) = desk.place.query("SELECT message_id FROM dead")[0]
    desk.names[command] = "<command>"
    before = """\
order/O-1
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <first's delivery>, message <first>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  routed
                            -> parcel@1.0.0 P-1 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  refused half_accepted: POST /labels, \
status 207, our reference <ours>
"""
    assert (
        desk.trace("O-1")
        == before
        + """\
                              carrier.make_labels is a dead letter: router dead show <command>
"""
    )
    assert desk.made() == ["a", "c"]

    rest = tmp_path / "rest.json"
    rest.write_text(json.dumps({"parcel": "P-1", "boxes": [{**box("b"), "size": "small"}]}))
    reason = "the address was missing"
    desk.router("dead", "edit", command, str(rest), "--reason", reason)
    desk.settle()
    assert (
        desk.trace("O-1")
        == before
        + """\
YYYY-MM-DDThh:mm:ss.mmmZ        carrier.make_labels  edited from <command>: the address was missing
YYYY-MM-DDThh:mm:ss.mmmZ        carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-3
"""
    )
    assert desk.made() == ["a", "c", "b"]
