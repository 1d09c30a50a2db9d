"""Pages of jobs, the newest first. A cursor names the last job of a page, so new jobs shift nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, tuple_

from spinbot.errors import InputError
from spinbot.store import database as db

_LISTED = (db.jobs.c.created, db.jobs.c.id)


@dataclass(frozen=True)
class Wanted:
    """Which jobs are listed; what is empty is not asked for.

    `text` is found anywhere in a name or a title, letters A to Z in either case. `review` is a verdict, or `open`: one
    that succeeded and has none.
    """

    owner: str | None = None
    states: Collection[str] = ()
    text: str = ""
    names: Collection[str] = ()
    review: str | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """In SQL."""
        columns = db.jobs.c
        if self.owner is not None:
            yield columns.owner == self.owner
        if self.states:
            yield columns.state.in_(self.states)
        if self.names:
            yield columns.name.in_(self.names)
        if self.text:
            yield or_(*(column.icontains(self.text, autoescape=True) for column in (columns.name, columns.title)))
        if self.review == "open":
            yield (columns.state == "succeeded") & columns.review.is_(None)
        elif self.review is not None:
            yield columns.review == self.review


def page(
    connection: Connection, asked: Wanted, limit: int, cursor: str | None
) -> tuple[list[Row[Any]], str | None, int]:
    """Up to `limit` rows of jobs behind `cursor`, the cursor of the next page, and how many jobs there are in all.

    Raises `InputError`.
    """
    wanted = list(asked.conditions())
    behind = [tuple_(*_LISTED) < tuple_(*read_cursor(cursor))] if cursor else []
    total = connection.execute(select(func.count()).select_from(db.jobs).where(*wanted)).scalar_one()
    if not total:  # a search that finds nothing looks at all names: once is enough
        return [], None, 0
    newest = select(db.jobs.c.id).where(*wanted, *behind).order_by(*(column.desc() for column in _LISTED))
    # One more than asked says whether there is a next page. The ids alone come out of an index.
    ids = list(connection.execute(newest.limit(limit + 1)).scalars())
    shown = ids[:limit]
    found = {row.id: row for row in connection.execute(select(db.jobs).where(db.jobs.c.id.in_(shown)))}
    rows = [found[job] for job in shown if job in found]  # one may have been deleted since
    more = len(ids) > limit and rows
    return rows, write_cursor(rows[-1].created, rows[-1].id) if more else None, total


def write_cursor(created: float, job: str) -> str:
    """The cursor behind a job that was created at this time."""
    return base64.urlsafe_b64encode(json.dumps([created, job]).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[float, str]:
    """When the last job seen was created, and its id. Raises `InputError`."""
    try:
        created, job = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return float(created), str(job)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{cursor[:100]!r} is no cursor",
            hint="pass on the cursor of the page before as it is; leave it out for the first page",
            code="bad_cursor",
        ) from error
