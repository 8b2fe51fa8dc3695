"""What operations read of what goes wrong: whole traces, as `router trace` prints them.

Times are shown as YYYY-MM-DDThh:mm:ss.mmmZ, messages and deliveries by the names that a test gives
them, our references as <ours>. Everything else is exact. The project is tests/acceptance/parcels.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.calls import reload
from tests.acceptance.desk import Desk, box, parcel, parcels
from tests.crash.processes import ROOT

pytestmark = pytest.mark.timeout(120)

#: what operations are told of these traces
PAGE = ROOT / "docs" / "how-to" / "read-a-trace.md"
#: ends of the process after which a message is known as what ends it
ENDS = 6


@pytest.fixture
def still(tmp_path: Path) -> Iterator[Desk]:
    """The desk with its carrier; nothing runs yet."""
    made = Desk(parcels(tmp_path / "parcels"))
    yield made
    made.place.close()


@pytest.fixture
def desk(still: Desk) -> Desk:
    """The desk with its carrier; the daemon runs."""
    still.place.start_sandbox()
    still.place.start_daemon()
    return still


#: a parcel up to its command
PACKED = """\
order/O-1
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <first's delivery>, message <first>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  routed
                            -> parcel@1.0.0 P-1 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
"""
#: a parcel that went all the way
DELIVERED = (
    PACKED
    + """\
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-P-1
"""
)
CONFLICT = """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <other's delivery>, message <other>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  conflict with <first>: same identity, other content
"""
WAITS_FOR_A_PERSON = """\
                          desk:packed is a dead letter: router dead show <other>
"""
RESOLVED = """\
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  resolved: the first was right
"""


def test_a_conflict(desk: Desk) -> None:
    """The same parcel with other boxes: the first one stands, a person looks at the second."""
    desk.sends("first", "packed", parcel("P-1", "O-1"))
    desk.sends("other", "packed", parcel("P-1", "O-1", box("P-1-1"), box("P-1-2")))
    assert desk.trace("O-1") == DELIVERED + CONFLICT + WAITS_FOR_A_PERSON
    assert desk.found_by("P-1", "order/O-1", "event-other", desk.id_of("other")) == {"order/O-1"}

    desk.router("dead", "resolve", desk.id_of("other"), "--reason", "the first was right")
    assert desk.trace("O-1") == DELIVERED + CONFLICT + RESOLVED
    assert desk.made() == ["P-1-1"]


DUPLICATES = """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <again's delivery>, message <again>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  duplicate of <first>: nothing is done
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <told anew's delivery>, message <told anew>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  duplicate of <first>: nothing is done
"""


def test_a_duplicate(desk: Desk) -> None:
    """The same delivery again, and the same parcel in a delivery of its own."""
    desk.sends("first", "packed", parcel("P-1", "O-1"), event="e-1")
    desk.sends("again", "packed", parcel("P-1", "O-1"), event="e-1")
    desk.sends("told anew", "packed", parcel("P-1", "O-1"), event="e-2")
    assert desk.trace("O-1") == DELIVERED + DUPLICATES
    ((ours,),) = desk.place.query("SELECT reference FROM intents")
    assert desk.found_by("e-1", "e-2", "P-1", desk.id_of("again"), ours, "B-P-1") == {"order/O-1"}
    assert desk.made() == ["P-1-1"]


NAMELESS = """\
<nameless>
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <nameless's delivery>, message <nameless>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  dead_lettered: no_identity in accept at \
routes/channels/desk.yaml:11:34: a part of the identity of desk:packed is null: a text or an \
integer is wanted
                          desk:packed is a dead letter: router dead show <nameless>
"""


def test_a_null_identity(desk: Desk) -> None:
    """A parcel without a number is no parcel: two of them would be one."""
    body = json.dumps({"parcel": None, "order": "O-2", "boxes": [box("X-1")]}).encode()
    desk.sends("nameless", "packed", body, event="e-1")
    desk.sends("nameless too", "packed", body, event="e-2")
    assert desk.trace("e-1") == NAMELESS
    assert desk.pointed_at("routes/channels/desk.yaml:11:34").startswith("body.parcel]")
    both = {"<nameless>", "<nameless too>"}
    assert desk.found_by("O-2") == both
    assert desk.found_by("e-1", "e-2") == both
    assert desk.made() == []


KILLER = """\
order/O-2
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <before's delivery>, message <before>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:packed  routed
                            -> parcel@1.0.0 P-1 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-P-1
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
theirs B-P-3
"""


def test_a_message_that_ends_the_process(desk: Desk) -> None:
    """It is found after six ends; what came just before and after it goes through."""
    desk.router("pause", "channel:desk", "--reason", "all of it lies in one batch")
    desk.sends("before", "packed", parcel("P-1", "O-2"))
    desk.sends("killer", "weighed", parcel("P-2", "O-2"))
    desk.sends("after", "packed", parcel("P-3", "O-2"))
    assert desk.place.end_daemon(signal.SIGTERM, 20) == 0
    desk.router("resume", "channel:desk")
    desk.place.failpoint = "loop.decide.weighed"
    for _ in range(ENDS):
        assert desk.place.query("SELECT * FROM dead") == [], "nobody is blamed too soon"
        desk.place.start_daemon(wait=False)
        desk.dies()
    desk.place.start_daemon()
    trace = desk.trace("O-2")
    assert trace == KILLER
    assert shown_on_the_page(trace) == 1
    assert desk.found_by("order/O-2", "P-2", desk.id_of("killer")) == {"order/O-2"}
    assert sorted(desk.made()) == ["P-1-1", "P-3-1"]


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
        "line 1 column 12 (byte 11), at /parcel: expected a value, not the character U+0000",
    ),
    "a raw byte behind all": (
        b'{"parcel": "P"}\x00',
        "line 1 column 16 (byte 15): text after the end of the document",
    ),
}
NUL = """\
<odd>
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <odd's delivery>, message <odd>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:?  dead_lettered: undecodable in decode: WHERE
                          desk:? is a dead letter: router dead show <odd>
"""


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
    body, where = NULS[case]
    event = f"e-{list(NULS).index(case)}"
    nuls.sends("odd", "packed", body, event=event)
    assert nuls.trace(event) == NUL.replace("WHERE", where)
    assert nuls.router("dead", "show", nuls.id_of("odd"), "--raw").encode() == body


#: the first of an order, in a size that the carrier does not know
PARKED = """\
order/O-1
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <P-1's delivery>, message <P-1>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  dead_lettered: transform_failed in transform at \
transforms/desk/parcel.yaml:10:15: lookup('sizes'): unknown key and no default: add a row in \
=lookup('sizes', item.size)
"""
TWO_WAIT = """\
                          desk:moved is a dead letter: router dead show <P-1>
                            behind it, with the same key: 2 (<P-2>, <P-3>)
"""
#: one that nobody has looked at as yet
BEHIND = """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <P-2's delivery>, message <P-2>
                          desk:moved waits behind <P-1>
"""
RETRIED = """\
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  replayed: the size is known now (attempt 2)
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  routed (attempt 2)
                            -> parcel@1.0.0 P-1 to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-P-1
"""
GIVEN_UP = """\
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  resolved: sent by hand
"""
#: one that had its turn
MOVED = """\
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <P-N's delivery>, message <P-N>
YYYY-MM-DDThh:mm:ss.mmmZ  desk:moved  routed
                            -> parcel@1.0.0 P-N to flow:parcels_to_carrier
YYYY-MM-DDThh:mm:ss.mmmZ    flow:parcels_to_carrier  routed
                              -> command carrier.make_labels
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-P-N
"""


def moved(name: str) -> str:
    return MOVED.replace("P-N", name)


def test_a_parked_key_is_released_by_a_retry(desk: Desk) -> None:
    """What comes later for the order waits; another order goes through."""
    desk.sends("P-1", "moved", parcel("P-1", "O-1", box("P-1-1", size="XL")))
    desk.sends("P-2", "moved", parcel("P-2", "O-1"))
    desk.sends("P-3", "moved", parcel("P-3", "O-1"))
    desk.sends("P-4", "moved", parcel("P-4", "O-2"))
    assert desk.trace("O-1") == PARKED + TWO_WAIT
    assert desk.trace("O-2") == "order/O-2\n" + moved("P-4")
    assert desk.trace("P-2") == "order/O-1\n" + BEHIND
    assert desk.router("status").splitlines()[-2] == "waiting: dead 1, held_back 2"

    table = desk.place.root / "routes" / "tables" / "sizes.yaml"
    table.write_text(table.read_text() + "  XL: giant\n")
    assert reload(desk.place) == "reloaded"
    desk.router("dead", "retry", desk.id_of("P-1"), "--reason", "the size is known now")
    released = moved("P-2") + moved("P-3")
    assert desk.trace("O-1") == PARKED + RETRIED + released
    assert desk.found_by("P-1", "P-2", "event-P-3", "B-P-2") == {"order/O-1"}
    assert desk.made() == ["P-4-1", "P-1-1", "P-2-1", "P-3-1"]


WAITS = """\
order/O-1
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <P-1's delivery>, message <P-1>
                          desk:packed waits for its turn
YYYY-MM-DDThh:mm:ss.mmmZ  received, delivery <P-2's delivery>, message <P-2>
                          desk:packed waits for its turn
"""


def test_what_waits_under_a_pause_is_found(desk: Desk) -> None:
    """By each of its names, before anybody has looked at it; not by what only stands in it."""
    desk.router("pause", "channel:desk", "--reason", "the carrier is closed")
    desk.sends("P-1", "packed", parcel("P-1", "O-1"))
    desk.sends("P-2", "packed", parcel("P-2", "O-1"))
    assert desk.trace("O-1", settled=False) == WAITS
    assert desk.found_by("P-1", "event-P-2", "order/O-1", desk.id_of("P-2")) == {"order/O-1"}
    nothing = desk.place.command("trace", "Bern", "--env", "crash")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    desk.router("resume", "channel:desk")
    desk.settle()
    assert sorted(desk.made()) == ["P-1-1", "P-2-1"]


def test_a_parked_key_is_released_by_resolving(desk: Desk) -> None:
    """The first one is given up: the next one goes on."""
    desk.sends("P-1", "moved", parcel("P-1", "O-1", box("P-1-1", size="XL")))
    desk.sends("P-2", "moved", parcel("P-2", "O-1"))
    desk.settle()
    desk.router("dead", "resolve", desk.id_of("P-1"), "--reason", "sent by hand")
    assert desk.trace("O-1") == PARKED + GIVEN_UP + moved("P-2")
    assert desk.made() == ["P-2-1"]


HALF = (
    PACKED
    + """\
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  partial half_accepted: POST /labels, \
status 207, our reference <ours>, not taken: b
"""
)
HALF_WAITS = """\
                              carrier.make_labels is a dead letter: router dead show <command>
"""
EDITED = """\
YYYY-MM-DDThh:mm:ss.mmmZ        carrier.make_labels  edited from <command>: the address was missing
YYYY-MM-DDThh:mm:ss.mmmZ        carrier.make_labels  done: POST /labels, our reference <ours>, \
theirs B-P-1
"""


def test_a_half_accepted_batch(desk: Desk, tmp_path: Path) -> None:
    """The carrier takes two of three boxes; only the one that it refused is sent again."""
    boxes = (box("a"), box("b", address=""), box("c"))
    desk.sends("first", "packed", parcel("P-1", "O-1", *boxes))
    desk.settle()
    ((command,),) = desk.place.query("SELECT message_id FROM dead")
    desk.names[command] = "<command>"
    before = desk.trace("O-1")
    assert before == HALF + HALF_WAITS
    assert desk.found_by("P-1", "event-first", command) == {"order/O-1"}
    assert desk.made() == ["a", "c"]

    rest = tmp_path / "rest.json"
    rest.write_text(json.dumps({"parcel": "P-1", "boxes": [{**box("b"), "size": "small"}]}))
    desk.router("dead", "edit", command, str(rest), "--reason", "the address was missing")
    after = desk.trace("O-1")
    assert after == HALF + EDITED
    assert desk.made() == ["a", "c", "b"]
    assert shown_on_the_page(before) == shown_on_the_page(after) == 1


LOST = (
    PACKED
    + """\
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  retry: unknown, no whole answer: out of time, \
again in 0.1 s
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  done: POST /labels, look-up: there, \
our reference <ours>, theirs B-P-1 (attempt 2)
"""
)


def loses_the_first_answer(still: Desk) -> None:
    """Start all of it; the carrier does what it is first asked, and does not say so."""
    path = still.place.root / "routes" / "sandboxes" / "crash.yaml"
    fault = "    faults: [{kind: no_answer, at: [1], lasts: 4s}]\n"
    path.write_text(path.read_text().replace("  - get: /labels\n", f"{fault}  - get: /labels\n"))
    still.place.start_sandbox()
    still.place.start_daemon()


def test_a_batch_whose_answer_is_lost(still: Desk) -> None:
    """The labels are made, and nobody says so: the carrier is asked, nothing is made twice."""
    loses_the_first_answer(still)
    still.sends("first", "packed", parcel("P-1", "O-1", box("a"), box("b")))
    assert still.trace("O-1") == LOST
    assert still.made() == ["a", "b"]


LOST_HALF = (
    LOST.rpartition("YYYY")[0]
    + """\
YYYY-MM-DDThh:mm:ss.mmmZ      carrier.make_labels  partial half_accepted: POST /labels, \
look-up: partial, our reference <ours>, theirs B-P-1 (attempt 2)
"""
    + HALF_WAITS
)


def test_a_half_accepted_batch_whose_answer_is_lost(still: Desk) -> None:
    """What was refused is not lost with the answer: the look-up counts, and a person is asked."""
    loses_the_first_answer(still)
    still.sends("first", "packed", parcel("P-1", "O-1", box("a"), box("b", address="")))
    still.settle()
    ((command,),) = still.place.query("SELECT message_id FROM dead")
    still.names[command] = "<command>"
    assert still.trace("O-1") == LOST_HALF
    assert still.found_by("B-P-1") == {"order/O-1"}
    assert still.made() == ["a"]


def shown_on_the_page(trace: str) -> int:
    """Return how many of the page's three pieces of text a trace holds; `...` stands for any."""
    pieces = re.findall(r"^```text\n(.+?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(pieces) == 3
    return sum(re.search(_pattern(one), trace) is not None for one in pieces)


def _pattern(piece: str) -> str:
    return ".*".join(re.escape(part) for part in piece.split("..."))
