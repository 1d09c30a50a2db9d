"""The queue's past, from the times of its jobs."""

from __future__ import annotations

import time
from dataclasses import astuple
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from spinbot.client import Client
from spinbot.store import database as db
from spinbot.store.history import History
from tests.api import SUM, serving

NOW = 1_700_000_000.0


def put(
    engine: Engine, state: str, created: float, started: float | None = None, finished: float | None = None
) -> None:
    """A job's row; times in minutes before `NOW`."""
    times: dict[str, Any] = {"created": NOW - 60 * created}
    times["started"] = None if started is None else NOW - 60 * started
    times["finished"] = None if finished is None else NOW - 60 * finished
    with engine.begin() as connection:
        count = connection.execute(db.jobs.select()).all()
        row = {"id": f"{len(count):012x}", "name": "job", "state": state, "events": 1}
        connection.execute(insert(db.jobs).values(**row, **times))


def seen(engine: Engine, minutes: float, count: int) -> list[tuple[float, ...]]:
    """Minutes before now, waiting, running, succeeded, failed, cancelled."""
    points = [astuple(point) for point in History(engine).points(NOW, 60 * minutes, count)]
    return [((NOW - point[0]) / 60, *point[1:]) for point in points]


def test_jobs_wait_run_and_end_in_the_right_spans(engine):
    put(engine, "succeeded", 500, 450, 400)  # long before
    put(engine, "succeeded", 55, 45, 25)
    put(engine, "failed", 100, 90, 35)
    put(engine, "cancelled", 38, None, 12)  # never began
    put(engine, "running", 28, 5)
    put(engine, "queued", 15)
    put(engine, "queued", 15, 14)  # began, failed, and was tried again: it waits
    put(engine, "paused", 50, 48)
    assert seen(engine, 40, 4) == [
        (30, 1, 1, 0, 1, 0),
        (20, 2, 0, 1, 0, 0),
        (10, 3, 0, 0, 0, 1),
        (0, 2, 1, 0, 0, 0),
    ]
    assert seen(engine, 600, 1) == [(0, 2, 1, 2, 1, 1)]


def test_an_empty_queue_has_points_too(engine):
    assert [point[1:] for point in seen(engine, 60, 3)] == [(0, 0, 0, 0, 0)] * 3


def test_the_last_point_is_what_the_queue_says_now(tmp_path):
    with serving(tmp_path) as api, Client(api.url) as client:
        done = client.submit(graph=SUM).id
        client.wait(done)
        client.pause_queue()
        client.submit(graph=SUM)
        found = client.queue_history(hours=1, points=12)
        assert (len(found.points), found.span_s) == (12, 300)
        last = found.points[-1]
        assert (last.waiting, last.running, last.succeeded) == (1, 0, 1)
        assert abs(last.time - time.time()) < 60
        assert sum(point.succeeded for point in found.points) == 1


@pytest.mark.parametrize("query", ["hours=0", "points=0", "points=1001", "hours=nan", "hours=x"])
def test_what_is_no_span_is_refused(tmp_path, query):
    with serving(tmp_path) as api, api.client() as client:
        assert client.get(f"/v1/queue/history?{query}").status_code == 422
