"""Frames in bulk: what is written is what py-amqp reads, and bytes come in any pieces."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import pytest
from amqp.method_framing import frame_handler
from amqp.serialization import loads
from amqp.transport import TCPTransport
from hypothesis import given
from hypothesis import strategies as st

from router.infra.amqp.publisher import Letter
from router.infra.amqp.wire import publish, read_all, split


@dataclass
class Peer:
    """A connection that keeps what is written to it."""

    frame_max: int = 131072
    bytes_sent: int = 0
    bytes_recv: int = 0
    data: bytes = b""
    came: list[Any] = field(default_factory=list)

    @property
    def transport(self) -> Peer:
        return self

    def write(self, data: bytes) -> None:
        self.data += data

    def read(self) -> list[tuple[dict[str, Any], str, str, bool, bytes]]:
        """Return messages as py-amqp reads them: properties, exchange, key, mandatory, body."""
        found: list[Any] = []

        def take(_channel: int, _method: Any, args: bytes, message: Any) -> None:
            (_, exchange, key, flags), _ = loads("Bsso", args, 4)
            found.append((message.properties, exchange, key, bool(flags & 1), bytes(message.body)))

        handle = frame_handler(self, take, content_methods=frozenset([(60, 40)]))
        frames, rest = split(self.data)
        assert rest == b""
        for frame in frames:
            handle(frame)
        return found


def letter(**fields: Any) -> Letter:
    return Letter(**{"exchange": "desk", "key": "in", "id": "a", "body": b"{}", **fields})


@pytest.mark.parametrize("size", [1, 100, 4088, 4089, 20_000])
def test_a_letter_is_read_as_it_was_written(size: int) -> None:
    peer = Peer(frame_max=4096)
    body = bytes(range(256)) * (size // 256 + 1)
    one = letter(body=body[:size], headers={"trace": "t1", "größe": "ü"}, type="note", id="n" * 255)
    publish(peer, 3, [one])
    ((properties, exchange, key, mandatory, read),) = peer.read()
    assert (exchange, key, mandatory, read) == ("desk", "in", True, one.body)
    assert properties == {
        "content_type": "application/json",
        "application_headers": {"trace": "t1", "größe": "ü"},
        "delivery_mode": 2,
        "message_id": "n" * 255,
        "type": "note",
    }
    assert all(len(payload) <= 4096 - 8 for _, _, payload in split(peer.data)[0])
    assert {channel for _, channel, _ in split(peer.data)[0]} == {3}


def test_many_letters_are_one_write_in_their_order() -> None:
    peer = Peer()
    publish(peer, 1, [letter(id=str(number), key=f"k{number % 3}") for number in range(50)])
    assert [one[0]["message_id"] for one in peer.read()] == [str(n) for n in range(50)]
    assert peer.bytes_sent == 1  # heartbeats are known to be needless


def test_a_letter_without_headers_and_type_has_none() -> None:
    peer = Peer()
    publish(peer, 1, [letter()])
    assert set(peer.read()[0][0]) == {"content_type", "delivery_mode", "message_id"}


def test_a_text_that_amqp_cannot_carry_is_refused_before_anything_is_written() -> None:
    peer = Peer()
    with pytest.raises(OSError, match="longer than 255"):
        publish(peer, 1, [letter(), letter(id="x" * 256)])
    assert peer.data == b""


@given(cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_bytes_come_in_any_pieces(cuts: list[int]) -> None:
    peer = Peer(frame_max=200)
    publish(peer, 1, [letter(id=str(number), body=b"x" * 150) for number in range(5)])
    whole, _ = split(peer.data)
    found: list[tuple[int, int, bytes]] = []
    left, at = b"", 0
    for cut in [*sorted(cuts), len(peer.data)]:
        frames, left = split(left + peer.data[at:cut])
        found += frames
        at = max(at, cut)
    assert (found, left) == (whole, b"")


def test_what_is_no_frame_is_told() -> None:
    peer = Peer()
    publish(peer, 1, [letter()])
    with pytest.raises(OSError, match="no frame"):
        split(peer.data[:-1] + b"x")


def test_all_that_has_come_is_handled_without_waiting_and_the_end_is_told() -> None:
    ours, theirs = socket.socketpair()
    transport = TCPTransport.__new__(TCPTransport)
    transport.sock, transport._read_buffer = ours, b""
    peer = Peer()
    publish(peer, 1, [letter(body=b"x" * 1000) for _ in range(200)])
    wanted, _ = split(peer.data)

    class Connection:
        pass

    connection: Any = Connection()
    connection.transport = transport
    found: list[Any] = []
    theirs.sendall(peer.data[:101_001])
    read_all(connection, found.append)
    assert found == wanted[: len(found)]
    assert len(found) > 200
    theirs.sendall(peer.data[101_001:])
    read_all(connection, found.append)
    assert found == wanted
    read_all(connection, found.append)  # nothing is there
    theirs.close()
    with pytest.raises(OSError, match="closed"):
        read_all(connection, found.append)
    ours.close()
