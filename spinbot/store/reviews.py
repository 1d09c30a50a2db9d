"""What people think of the jobs that succeeded: a verdict, and a note."""

from __future__ import annotations

from sqlalchemy import Engine, select, update

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db
from spinbot.store.jobs import Verdict


class Reviews:
    """The reviews of one installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, job: str, verdict: Verdict | None, note: str = "") -> None:
        """Put a verdict in the former one's place; None takes it back.

        Raises `InputError` (`wrong_state`) for a job that has not succeeded, `NotFoundError`.
        """
        with self._engine.begin() as connection:
            succeeded = (db.jobs.c.id == job) & (db.jobs.c.state == "succeeded")
            done = connection.execute(update(db.jobs).where(succeeded).values(review=verdict, note=note))
            if done.rowcount:
                return
            state = connection.execute(select(db.jobs.c.state).where(db.jobs.c.id == job)).scalar()
        if state is None:
            raise NotFoundError(f"there is no job {job!r}", hint="list them with: spinbot jobs")
        raise InputError(f"job {job} is {state}", hint="only a job that succeeded can be reviewed", code="wrong_state")
