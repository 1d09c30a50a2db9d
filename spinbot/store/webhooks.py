"""Webhooks: URLs that are to be told when a job has ended. What is due stands here; sending it is the caller's part.

A job's webhook is stored with the job and falls due by the job's end alone, so whoever ends the job has nothing to do
and cannot forget it. A delivery is claimed for as long as `lease_s`; a sender that dies with it is followed by the next
one, so a receiver may hear the same twice and tells by the delivery's id. A job that is opened again ends again, and
that is told again, under another id.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, select, update

from spinbot.store import database as db
from spinbot.store.jobs import ENDED

FIRST_WAIT_S = 5.0  # each further wait is four times as long
LONGEST_WAIT_S = 6 * 3600.0
MOST_ATTEMPTS = 10  # over some 20 hours

_TOLD = ("name", "state", "error", "outputs", "created", "started", "finished")


@dataclass(frozen=True)
class Delivery:
    """One attempt to tell a URL how a job ended. `id` is the same in each attempt to tell the same."""

    id: str
    job: str
    url: str
    attempt: int
    payload: dict[str, Any]
    webhook: str
    until: float
    """When the claim ends: seconds since the epoch."""


@dataclass(frozen=True)
class Webhook:
    """How far a job's webhook is. Times are seconds since the epoch; `next_at` is None when nothing is left to do."""

    id: str
    job: str
    url: str
    payload: dict[str, Any] | None
    attempts: int
    next_at: float | None
    delivered: float | None
    error: str | None


class Webhooks:
    """The deliveries of one installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, *, limit: int = 20, lease_s: float = 60.0) -> list[Delivery]:
        """Up to `limit` deliveries that are due; nobody else gets them for `lease_s` seconds."""
        hooks, now = db.webhooks.c, time.time()
        due = (
            select(hooks.id, hooks.url, hooks.attempts, hooks.next_at, db.jobs.c.id.label("job"))
            .add_columns(*(db.jobs.c[name] for name in ("events", *_TOLD)))
            .join(db.jobs, db.jobs.c.id == hooks.job)
            .where((hooks.next_at <= now) & db.jobs.c.state.in_(ENDED))
            .order_by(hooks.next_at)
            .limit(limit)
        )
        claimed = []
        with self._engine.begin() as connection:
            for row in connection.execute(due).all():
                delivery = _delivery(row, now + lease_s)
                taken = {"attempts": delivery.attempt, "next_at": delivery.until, "payload": delivery.payload}
                unchanged = (hooks.id == row.id) & (hooks.next_at == row.next_at)
                if connection.execute(update(db.webhooks).where(unchanged).values(**taken)).rowcount:
                    claimed.append(delivery)
        return claimed

    def delivered(self, delivery: Delivery) -> None:
        """The URL has been told. Does nothing when the claim has run out, or the job was opened again."""
        self._settle(delivery, {"next_at": None, "delivered": time.time(), "error": None})

    def failed(self, delivery: Delivery, error: str) -> float | None:
        """The URL did not take it: try again later. Returns in how many seconds, None after the last attempt."""
        wait_s = (
            None
            if delivery.attempt >= MOST_ATTEMPTS
            else min(FIRST_WAIT_S * 4 ** (delivery.attempt - 1), LONGEST_WAIT_S)
        )
        next_at = None if wait_s is None else time.time() + wait_s
        self._settle(delivery, {"next_at": next_at, "error": error[:1000]})
        return wait_s

    def of(self, job: str) -> list[Webhook]:
        """The webhooks of a job."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(db.webhooks).where(db.webhooks.c.job == job))
            return [Webhook(**row._mapping) for row in rows]

    def _settle(self, delivery: Delivery, changes: dict[str, Any]) -> None:
        # Who claims it later, or opens the job again, sets another `next_at`.
        held = (db.webhooks.c.id == delivery.webhook) & (db.webhooks.c.next_at == delivery.until)
        with self._engine.begin() as connection:
            connection.execute(update(db.webhooks).where(held).values(**changes))


def _delivery(row: Row[Any], until: float) -> Delivery:
    told = {name: row._mapping[name] for name in _TOLD}
    payload = {"type": f"job.{row.state}", "job": row.job} | told
    # The number of its last event tells one end of a job from another.
    return Delivery(f"{row.id}.{row.events}", row.job, row.url, row.attempts + 1, payload, row.id, until)
