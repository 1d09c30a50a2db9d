"""Tickets: what opens one connection in place of a key, for browsers, whose sockets cannot send a key.

A ticket stands in the database under the sha256 of its secret, so any process accepts it, and it is taken away as it
is used.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from sqlalchemy import Engine, delete, insert

from spinbot.store import database as db
from spinbot.store.keys import Identity

VALID_S = 30.0


class Tickets:
    """The tickets of one installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def issue(self, identity: Identity) -> tuple[str, float]:
        """A ticket's secret for whoever `identity` is, and when it ends (seconds since the epoch)."""
        secret, now = secrets.token_urlsafe(24), time.time()
        row = {
            "hash": _hash(secret),
            "owner": identity.owner,
            "scopes": sorted(identity.scopes),
            "key": identity.key_id,
            "name": identity.name,
            "until": now + VALID_S,
        }
        with self._engine.begin() as connection:
            connection.execute(delete(db.tickets).where(db.tickets.c.until < now))
            connection.execute(insert(db.tickets).values(**row))
        return secret, now + VALID_S

    def redeem(self, secret: str) -> Identity | None:
        """Who the ticket was issued to; it opens nothing from now on. None for one that is unknown, used or too old."""
        taken = delete(db.tickets).where(db.tickets.c.hash == _hash(secret)).returning(db.tickets)
        with self._engine.begin() as connection:
            row = connection.execute(taken).first()
        if row is None or row.until < time.time():
            return None
        return Identity(row.owner, frozenset(row.scopes), row.key, row.name)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
