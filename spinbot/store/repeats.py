"""Requests that come twice: which job an idempotency key of an owner has made, and whether the request is the same.

A key is forgotten together with its job.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from sqlalchemy import Connection, select

from spinbot.errors import InputError
from spinbot.store import database as db

_LONGEST = 200


class RepeatedError(Exception):
    """The key was taken between the look for it and its use."""


def digest(request: Any) -> str:
    """What tells requests apart: sha256 of the JSON value, whatever the order of its names. Hexadecimal."""
    written = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


def first_job(connection: Connection, owner: str, key: str | None, request_hash: str) -> str | None:
    """The job that this request has made before. Raises `InputError` where the key belongs to another request."""
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST:
        raise InputError(
            f"an idempotency key of {len(key)} characters",
            hint=f"use 1 to {_LONGEST} characters, such as a UUID",
            code="bad_idempotency_key",
        )
    asked = select(db.idempotency.c.job, db.idempotency.c.request_hash)
    found = connection.execute(asked.where((db.idempotency.c.owner == owner) & (db.idempotency.c.key == key))).first()
    if found is None:
        return None
    if found.request_hash != request_hash:
        raise InputError(
            f"the idempotency key {key!r} was used for another request, which made job {found.job}",
            hint="use a new key for a new request",
            code="idempotency_conflict",
        )
    return str(found.job)


def remember(connection: Connection, owner: str, key: str | None, request_hash: str, job: str) -> None:
    """Note that the request has made `job`. Raises `RepeatedError` where another has just noted the same key."""
    if key is None:
        return
    row = {"owner": owner, "key": key, "request_hash": request_hash, "job": job, "created": time.time()}
    noted = db.insert_or(connection.dialect, db.idempotency).values(**row).on_conflict_do_nothing()
    if connection.execute(noted.returning(db.idempotency.c.job)).first() is None:
        raise RepeatedError
