"""Lists of jobs and whose they are; requests that come twice make one job."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from spinbot.errors import InputError, NotFoundError
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger, Turn

GRAPH = {"nodes": {"a": {}, "b": {}}}


@pytest.fixture
def store(database_url: str) -> Iterator[JobStore]:
    engine = connect(database_url)
    yield JobStore(engine)
    engine.dispose()


def end(store: JobStore, job: str, state: str) -> None:
    ledger = Ledger(store, lease_s=60)
    turn = Turn()
    turn.end(state)
    ledger.write(job, ledger.claim(job).epoch, turn)


def pages(store: JobStore, **wanted) -> list[list[str]]:
    found, cursor = [], None
    while True:
        jobs, cursor, _ = store.page(**wanted, cursor=cursor)
        found.append([job.id for job in jobs])
        if cursor is None:
            return found


def test_pages_lead_through_all_jobs_from_the_newest_to_the_oldest(store):
    made = [store.create("toy", GRAPH) for _ in range(7)]
    found = pages(store, limit=3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [job for page in found for job in page] == made[::-1]
    assert store.page(limit=3)[2] == 7
    assert store.page(limit=7)[1] is None


def test_jobs_that_come_or_go_meanwhile_shift_nothing(store):
    made = [store.create("toy", GRAPH) for _ in range(6)]
    first, cursor, _ = store.page(limit=2)
    store.create("newer", GRAPH)
    end(store, first[1].id, "failed")
    store.delete(first[1].id)  # the very job that the cursor names
    second, _, _ = store.page(limit=2, cursor=cursor)
    assert [job.id for job in second] == [made[3], made[2]]


def test_jobs_are_found_by_owner_state_and_name(store):
    soup = store.create("Tomato soup", GRAPH, owner="anna")
    sky = store.create("why the sky is blue", GRAPH, owner="anna")
    other = store.create("tomato salad 100%", GRAPH, owner="ben")
    end(store, sky, "failed")
    assert pages(store) == [[other, sky, soup]]
    assert pages(store, owner="anna") == [[sky, soup]]
    assert pages(store, text="TOMATO") == [[other, soup]]
    assert pages(store, text="tomato", owner="anna") == [[soup]]
    assert pages(store, states=["failed", "running"]) == [[sky]]
    assert pages(store, states=["queued"], limit=1) == [[other], [soup]]
    assert store.page(states=["queued"], limit=1)[2] == 2
    assert pages(store, text="0%") == [[other]]  # not a pattern
    assert pages(store, text="_") == [[]]
    assert pages(store, owner="nobody") == [[]]


@pytest.mark.parametrize("cursor", ["x", "!!", "W10", "eyJhIjoxfQ", "WyJhIiwgMV0", "\u00e9"])
def test_a_cursor_that_no_page_gave_is_refused(store, cursor):
    with pytest.raises(InputError) as refused:
        store.page(cursor=cursor)
    assert refused.value.code == "bad_cursor"


def test_a_job_of_another_owner_looks_like_one_that_is_not_there(store):
    job = store.create("toy", GRAPH, owner="anna")
    assert store.get(job, owner="anna").owner == store.summary(job).owner == "anna"
    for look in (store.get, store.summary):
        with pytest.raises(NotFoundError) as others:
            look(job, owner="ben")
        with pytest.raises(NotFoundError) as missing:
            look("0" * 12, owner="ben")
        assert others.value.to_dict() == {
            name: value.replace("0" * 12, job) if isinstance(value, str) else value
            for name, value in missing.value.to_dict().items()
        }


def test_the_same_request_with_the_same_key_makes_one_job(store):
    first = store.create("toy", GRAPH, owner="anna", idempotency_key="k")
    assert store.create("toy", GRAPH, owner="anna", idempotency_key="k") == first
    assert store.create("toy", GRAPH, owner="ben", idempotency_key="k") != first
    assert store.create("toy", GRAPH, owner="anna") != first
    assert store.page(owner="anna")[2] == 2


@pytest.mark.parametrize("change", [{"priority": 1}, {"webhook": "https://a.example/"}, {"request": {"prompt": "x"}}])
def test_another_request_with_the_same_key_is_refused(store, change):
    first = store.create("toy", GRAPH, idempotency_key="k")
    with pytest.raises(InputError, match=first) as refused:
        store.create("toy", GRAPH, idempotency_key="k", **change)
    assert refused.value.code == "idempotency_conflict"
    assert store.page()[2] == 1


def test_a_request_whose_graph_is_made_anew_each_time_is_known_by_what_was_asked(store):
    asked = {"prompt": "bees", "seconds": 12}
    assert store.repeated("local", "k", asked) is None
    first = store.create("bees", {"nodes": {"seed 1": {}}}, idempotency_key="k", request=asked)
    again = {"seconds": 12, "prompt": "bees"}
    assert store.repeated("local", "k", again) == first
    assert store.create("bees", {"nodes": {"seed 2": {}}}, idempotency_key="k", request=again) == first
    with pytest.raises(InputError, match="another request"):
        store.repeated("local", "k", {"prompt": "ants"})


def test_the_same_request_many_times_at_once_makes_one_job(store):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: store.create("toy", GRAPH, idempotency_key="k"), range(24)))
    assert len(set(made)) == store.page()[2] == 1
    assert set(store.get(made[0]).nodes) == {"a", "b"}


def test_a_deleted_job_frees_its_key(store):
    first = store.create("toy", GRAPH, idempotency_key="k")
    end(store, first, "cancelled")
    store.delete(first)
    assert store.create("toy", GRAPH, idempotency_key="k") != first


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_an_empty_or_endless_key_is_refused(store, key):
    with pytest.raises(InputError, match="idempotency key") as refused:
        store.create("toy", GRAPH, idempotency_key=key)
    assert refused.value.code == "bad_idempotency_key"
