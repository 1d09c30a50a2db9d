"""The job store on both databases under several writers, and Postgres that goes away and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from spinbot.errors import InputError, StorageError
from spinbot.store.database import connect
from spinbot.store.jobs import Job, JobStore
from spinbot.store.ledger import Ledger, Turn
from tests.postgres import Postgres

GRAPH = {"nodes": {"a": {}, "b": {}}}


@pytest.fixture
def stores(database_url: str) -> Iterator[Callable[[], JobStore]]:
    """Stores with connections of their own, as other processes have them."""
    engines = []

    def another() -> JobStore:
        engines.append(connect(database_url))
        return JobStore(engines[-1])

    yield another
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that the tests may stop, and start again."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run all at once, each on a thread of its own; the answers in order."""
    barrier = threading.Barrier(len(works))

    def work(one: Callable[[], Any]) -> Any:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(work, works))


def log(text: str) -> Turn:
    turn = Turn()
    turn.say("log", None, {"message": text})
    return turn


def test_the_events_of_two_writers_have_numbers_without_a_gap(stores):
    one, two = (Ledger(stores(), lease_s=60) for _ in range(2))
    two.name = one.name
    job = one.claim(stores().create("toy", GRAPH))

    def write(ledger: Ledger) -> list[int]:
        written = [ledger.write(job.id, job.epoch, log("hello")).events for _ in range(100)]
        return [event.seq for events in written for event in events]

    numbers = together(partial(write, one), partial(write, two))
    assert sorted(numbers[0] + numbers[1]) == list(range(2, 202))
    assert [event.seq for event in stores().events(job.id)] == list(range(1, 202))


def test_of_runners_that_start_the_same_node_at_once_only_one_does(stores):
    ledgers = [Ledger(stores(), lease_s=60) for _ in range(3)]
    admission = stores()

    def start(ledger: Ledger, job: Job, key: str) -> set[str]:
        turn = Turn()
        turn.change(replace(job.nodes["a"], state="running", key=key), {})
        return ledger.write(job.id, job.epoch, turn).busy

    for number in range(20):
        key = f"key {number}"
        jobs = [(ledger, ledger.claim(admission.create("toy", GRAPH))) for ledger in ledgers]
        answers = together(*(partial(start, ledger, job, key) for ledger, job in jobs))
        assert sorted(map(len, answers)) == [0, 1, 1]


def test_only_one_of_two_runners_gets_each_job(stores):
    ledgers = [Ledger(stores(), lease_s=60) for _ in range(2)]
    jobs = [stores().create("toy", GRAPH) for _ in range(20)]

    def claim_all(ledger: Ledger) -> list[Job | None]:
        return [ledger.claim(job) for job in jobs]

    claimed = together(*(partial(claim_all, ledger) for ledger in ledgers))
    assert [sum(found is not None for found in pair) for pair in zip(*claimed, strict=True)] == [1] * 20


def test_processes_may_open_an_empty_database_at_once(stores):
    opened = together(*[stores] * 4)
    job = opened[0].create("toy", GRAPH)
    assert [store.get(job).name for store in opened] == ["toy"] * 4


def test_a_broken_connection_costs_a_runner_one_error(server):
    store = JobStore(connect(server.database()))
    ledger = Ledger(store, lease_s=60)
    job = ledger.claim(store.create("toy", GRAPH))
    ledger.write(job.id, job.epoch, log("before"))
    server.restart()
    with pytest.raises(StorageError, match="database does not work") as broken:
        ledger.write(job.id, job.epoch, log("lost"))
    assert "SPINBOT_DATABASE_URL" in broken.value.hint
    ledger.write(job.id, job.epoch, log("after"))
    assert [event.data.get("message") for event in store.events(job.id)] == [None, "before", "after"]
    store.engine.dispose()


def test_readers_do_not_notice_a_restart(server):
    store = JobStore(connect(server.database()))
    job = store.create("toy", GRAPH)
    server.restart()
    assert store.get(job).name == "toy"
    store.engine.dispose()


def test_while_the_server_is_gone_everybody_hears_it_and_works_on_when_it_is_back(server):
    url = server.database()
    store = JobStore(connect(url))
    ledger = Ledger(store, lease_s=60)
    job = ledger.claim(store.create("toy", GRAPH))
    ledger.write(job.id, job.epoch, log("before"))
    server.stop()
    works = [
        lambda: store.get(job.id),
        lambda: store.create("another", GRAPH),
        lambda: ledger.write(job.id, job.epoch, log("lost")),
        lambda: ledger.known(["k"]),
        lambda: connect(url),
    ]
    for work in works:
        with pytest.raises(StorageError, match="database does not work"):
            work()
    server.start()
    assert ledger.write(job.id, job.epoch, log("after")).events[0].seq == 3
    assert [event.seq for event in store.events(job.id)] == [1, 2, 3]
    assert store.page()[2] == 1
    store.engine.dispose()


def test_plain_postgres_urls_are_understood(postgres):
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        engine = connect(postgres.database().replace("postgresql", scheme, 1))
        assert JobStore(engine).page() == ([], None, 0)
        engine.dispose()


def test_other_urls_are_refused_without_showing_the_password():
    with pytest.raises(InputError, match="'mysql' are not known") as refused:
        connect("mysql://anna:secret@host/jobs")
    assert "postgresql://" in refused.value.hint
    with pytest.raises(InputError, match="cannot be read") as refused:
        connect("anna:secret@host")
    assert "secret" not in str(refused.value)


def test_a_database_that_the_server_does_not_have_is_named(postgres):
    with pytest.raises(StorageError, match=r'database "nowhere" does not exist'):
        connect(postgres.database().rsplit("/", 1)[0] + "/nowhere")


def test_texts_that_a_database_cannot_hold_are_refused(stores):
    with pytest.raises(InputError) as refused:
        stores().create("a half of a pair: \ud800", GRAPH)
    assert refused.value.code == "bad_text"
