"""What is so of a store on a server alone: cut connections, a server that dies, the hold."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from router.core.errors import Unavailable
from router.infra.store import database, postgresql
from router.infra.store.fenced import Fenced
from router.infra.store.letters import LetterQuery
from router.infra.store.postgresql import Server
from router.infra.store.rows import Entry
from router.infra.store.schema import metadata
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from tests.conformance.test_store import HANG, Gate, names, put, queued, run
from tests.live.postgres import Postgres


@pytest.fixture
def served(server: Server) -> Iterator[Store]:
    """A store on a server."""
    made = Store.on(server, "rev1")
    yield made
    made.close()


def soon(holds: Callable[[], bool]) -> bool:
    """Return whether something holds before long."""
    rest = threading.Event()
    return any(holds() or rest.wait(0.05) for _ in range(HANG * 20))


def cut(transaction: Transaction) -> None:
    """End the connection in which a transaction runs, as a network would."""
    connection = transaction.connection
    mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    address = connection.engine.url.render_as_string(hide_password=False)
    run(Server(address), f"SELECT pg_terminate_backend({mine})")


def test_the_migrations_build_the_tables_there_too(postgres: Postgres) -> None:
    hold = Server(postgres.fresh()).hold()
    with hold.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    hold.release()


def test_the_migrations_can_be_undone_and_done_again_there_too(server: Server) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    engine = server.open(writes=True)
    for go, where, left in ((command.downgrade, "base", 1), (command.upgrade, "head", None)):
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            go(config, where)
            tables = connection.execute(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            ).scalar()
        assert tables == (left or len(metadata.tables) + 1)
    engine.dispose()


def test_a_job_whose_connection_is_cut_is_refused_and_not_done_twice(
    served: Store, row_of: Any
) -> None:
    """Whether it was committed nobody knows: who made it looks, before it does anything again."""
    runs: list[int] = []

    def job(transaction: Transaction) -> None:
        runs.append(1)
        transaction.enqueue([row_of("a")])
        transaction.flush()
        cut(transaction)

    with pytest.raises(Unavailable, match="cannot be written"):
        served.write(job)
    assert runs == [1]
    assert queued(served) == []
    served.write(put(row_of("b")))
    assert names(queued(served)) == ["b"]


def test_who_lost_its_lease_is_told_so_and_hurts_no_neighbour(served: Store, row_of: Any) -> None:
    """The server refuses the whole group first; then each job has its own answer."""
    gate = Gate(served)
    lost = served.submit(lambda t: t.conclude("call", "another's", "done"))
    jobs = [served.submit(put(row_of(name))) for name in ("a", "b")]
    gate.open()
    assert lost.result(HANG) is False
    assert [one.exception(HANG) for one in jobs] == [None, None]
    assert names(queued(served)) == ["a", "b"]


def test_neighbours_of_a_cut_connection_are_refused_with_it(served: Store, row_of: Any) -> None:
    gate = Gate(served)
    jobs = [served.submit(one) for one in (put(row_of("a")), cut, put(row_of("b")))]
    gate.open()
    assert [type(one.exception(HANG)) for one in jobs] == [Unavailable] * 3
    assert queued(served) == []


def test_after_a_server_was_killed_the_store_goes_on(row_of: Any) -> None:
    with Postgres().running() as postgres:
        place = Server(postgres.fresh())
        store = Store.on(place, "rev1")
        store.write(put(row_of("a")))
        postgres.kill()
        with pytest.raises(Unavailable):
            store.write(put(row_of("lost")))
        with pytest.raises(Unavailable), store.read() as reader:
            reader.counters()
        with pytest.raises(Unavailable, match="cannot be read"):
            place.is_held()
        postgres.start()
        store.write(put(row_of("b")))
        assert names(queued(store)) == ["a", "b"]
        assert place.is_held()
        store.close()


def test_several_daemons_share_a_store(served: Store, server: Server, row_of: Any) -> None:
    other = Store.on(server, "rev2")
    other.write(put(row_of("a")))
    served.write(put(row_of("b")))
    assert names(queued(served)) == names(queued(other)) == ["a", "b"]
    assert (served.is_shared, other.is_shared) == (True, True)
    other.close()
    assert server.is_held()


def test_who_wants_a_store_alone_gets_it_while_nobody_shares_it(
    served: Store, server: Server
) -> None:
    with pytest.raises(Unavailable, match="another router runs on"):
        Store.on(server, "rev2", alone=True)
    served.close()
    Store.on(server, "rev2", alone=True).close()


def test_a_unit_has_one_leader(served: Store, server: Server) -> None:
    other = Store.on(server, "rev2")
    assert served.write(lambda t: t.leads.take("loop"))
    assert not other.write(lambda t: t.leads.take("loop"))
    assert other.write(lambda t: t.leads.take("sys.shop"))
    with served.read() as reader:
        assert reader.leads.unled(["loop", "sys.shop", "due"]) == ("due",)
    served.write(lambda t: t.leads.release("loop"))
    assert other.write(lambda t: t.leads.take("loop"))
    other.close()
    assert soon(lambda: served.write(lambda t: t.leads.take("loop")))  # the server has to notice


def test_a_lead_outlives_a_transaction_that_fails(served: Store, server: Server) -> None:
    def fails(transaction: Transaction) -> None:
        assert transaction.leads.take("loop")
        raise ValueError("it fails")

    with pytest.raises(ValueError, match="it fails"):
        served.write(fails)
    with Store.on(server, "rev2").read() as reader:
        assert reader.leads.unled(["loop"]) == ()


def test_a_cut_connection_ends_its_leads_and_what_is_fenced_writes_no_more(
    served: Store, server: Server, row_of: Any
) -> None:
    served.write(lambda t: t.leads.take("loop"))
    fenced = Fenced(served, frozenset({"loop"}), served.life)
    fenced.write(put(row_of("a")))
    other = Store.on(server, "rev2")
    with pytest.raises(Unavailable):
        served.write(cut)
    assert other.write(lambda t: t.leads.take("loop"))
    with pytest.raises(Unavailable, match="what it led"):
        fenced.write(put(row_of("b")))
    with pytest.raises(Unavailable, match="what it led"):
        fenced.submit(put(row_of("c"))).result(HANG)
    served.write(put(row_of("d")))  # what needs no lead goes on
    assert names(queued(served)) == ["a", "d"]
    assert not served.write(lambda t: t.leads.take("loop"))
    other.close()


def test_members_of_a_role_are_counted_while_they_live(served: Store, server: Server) -> None:
    other = Store.on(server, "rev2")
    for one in (served, other):
        one.write(lambda t: t.leads.join(("router", "worker")))
    count = lambda t: dict(t.leads.members(["router", "ingress"]))  # noqa: E731
    assert served.write(count) == {"router": 2, "ingress": 0}
    other.close()
    assert served.write(count) == {"router": 1, "ingress": 0}


def test_what_is_alone_waits_for_others_and_they_for_it(
    served: Store, server: Server, row_of: Any
) -> None:
    other = Store.on(server, "rev2")
    inside, go_on = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        transaction.enqueue([row_of("first")])
        transaction.flush()  # its first statement lets it in
        inside.set()
        assert go_on.wait(HANG)

    first = served.submit(slow)
    assert inside.wait(HANG)
    beside = other.submit(put(row_of("beside")))
    beside.result(HANG)  # two that are not alone write at once
    seen = other.submit(lambda t: len(t.letters.find(LetterQuery())) or "alone", alone=True)
    with pytest.raises(TimeoutError):
        seen.result(0.3)
    go_on.set()
    assert seen.result(HANG) == "alone"
    first.result(HANG)
    other.close()


def test_a_lane_rings_in_the_process_that_leads_it(
    served: Store, server: Server, row_of: Any
) -> None:
    other, rung, ending = Store.on(server, "rev2"), threading.Event(), threading.Event()
    Fenced(served, frozenset({"loop"}), served.life).wake("loop", rung.set)
    hearing = threading.Thread(target=served.hear, args=(ending,))
    hearing.start()
    try:
        for number in range(int(HANG / 0.1)):  # it may listen a moment later
            other.write(put(row_of(f"m{number}")))
            if rung.wait(0.1):
                break
    finally:
        ending.set()
    assert rung.is_set()
    hearing.join(HANG)
    assert not hearing.is_alive()
    other.close()


def test_tables_are_changed_while_no_older_router_runs(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Store.on(server, "rev1")
    monkeypatch.setattr(postgresql, "NEWEST", "9999")
    monkeypatch.setitem(postgresql.SETTINGS, "lock_timeout", "200ms")
    with pytest.raises(Unavailable, match="older routers run on"):
        Store.on(server, "rev2")
    running.close()
    Store.on(server, "rev2").close()  # migrations that are done are not done again


def test_a_hold_is_of_a_schema_of_a_database(server: Server) -> None:
    run(server, "CREATE SCHEMA beside")
    address = server._url.render_as_string(hide_password=False)
    beside = Server(f"{address}?options=-csearch_path%3Dbeside")
    first = Store.on(server, "rev1")
    assert not beside.exists()
    second = Store.on(beside, "rev1")
    second.close()
    assert (server.is_held(), beside.is_held(), beside.exists()) == (True, False, True)
    first.close()


def test_who_reads_cannot_write(served: Store) -> None:
    with pytest.raises(Unavailable, match="read-only"), served.read() as reader:
        reader._connection.exec_driver_sql("DELETE FROM queue")


def test_a_glance_writes_nothing_and_sees_what_is_newest(served: Store, row_of: Any) -> None:
    with served.glance() as reader:
        assert reader.queued("loop", 0, 10) == []
        served.write(put(row_of("a")))
        assert names(reader.queued("loop", 0, 10)) == ["a"]
    with pytest.raises(Unavailable, match="read-only"), served.glance() as reader:
        reader._connection.exec_driver_sql("DELETE FROM queue")


def test_what_a_reader_sees_is_of_one_moment(served: Store, row_of: Any) -> None:
    with served.read() as reader:
        assert reader.sizes().get("loop") is None
        served.write(put(row_of("a")))
        assert reader.sizes().get("loop") is None
    assert names(queued(served)) == ["a"]


def test_an_address_is_told_without_its_password(postgres: Postgres) -> None:
    with pytest.raises(Unavailable) as raised:
        Store.on(Server(postgres.address("nowhere")), "rev1")
    assert "nowhere" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert str(Server(postgres.address("x"))) == f"postgresql://127.0.0.1:{postgres.port}/x"


@pytest.mark.parametrize("address", ["", "no address", "mysql://u:secret@h/d", "://secret@"])
def test_what_is_no_address_of_a_server_is_told(address: str) -> None:
    with pytest.raises(Unavailable, match="address of the store") as raised:
        Server(address)
    assert "secret" not in str(raised.value)


def test_a_database_without_tables_is_no_store(postgres: Postgres) -> None:
    place = Server(postgres.fresh())
    with pytest.raises(Unavailable, match="there is no store"):
        Store.to_read(place)
    with pytest.raises(Unavailable, match="cannot be read"):
        Store.beside(place)


def test_errors_of_the_server_are_ours_at_the_border(served: Store) -> None:
    with pytest.raises(Unavailable) as raised, served.read() as reader:
        reader._connection.exec_driver_sql("SELECT * FROM nowhere")
    assert isinstance(raised.value.__cause__, SQLAlchemyError)


def test_rows_that_are_written_as_arrays_are_read_as_they_were(
    server: Server, message_of: Any, noon: Any
) -> None:
    texts = [
        '"',
        "\\",
        "{}",
        ",",
        "NULL",
        "",
        "\n\r\t",
        "\\x41",
        "ä\U0001f600",
        "'",
        "%s",
        "a" * 5000,
    ]
    store = Store.on(server, "rev1")

    def job(transaction: Transaction) -> None:
        for n, text in enumerate(texts):
            message = message_of(
                id=f"m{n}", correlationid=text, causationid=text if n % 2 else None
            )
            transaction.write(
                Entry(at=noon, message=message, consumer=text, word="x", detail={"t": text})
            )
            transaction.deliver(f"d{n}", text, noon, ("{}", "0", text.encode() + bytes(range(256))))
            transaction.refer([f"w{text}"], text)

    store.write(job)
    with store.read() as reader:
        for n, text in enumerate(texts):
            (line,) = reader.evidence.attempts(f"m{n}", text)
            assert (line["correlationid"], line["detail"]) == (text, {"t": text})
            assert line["causationid"] == (text if n % 2 else None)
            kept = reader.records.delivery(f"d{n}")
            assert kept is not None
            assert (kept.channel, kept.body) == (text, text.encode() + bytes(range(256)))
            assert text in reader.correlations(f"w{text}")
    store.close()
