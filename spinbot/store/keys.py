"""API keys: who a caller is and what the caller may do.

A key is shown once, when it is made; stored is its sha256. A key has 192 random bits, so nobody can find it from its
hash by trying, and a slow hash as for passwords would add nothing but time to every request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine, Row, insert, select, update

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")

PREFIX = "sb_"  # so that a key found in a log or a repository is known for what it is
_USED_EVERY_S = 60.0  # a write for each request would cost more than the request's own reads


@dataclass(frozen=True)
class Identity:
    """Whose request it is. What it makes belongs to `owner`; several keys may share one."""

    owner: str
    scopes: frozenset[Scope]
    key_id: str
    name: str

    def may(self, scope: Scope) -> bool:
        """Whether the key was given this scope; `admin` includes the others."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True)
class Key:
    """A key without its secret. Times are seconds since the epoch; `last_used` is true to the minute."""

    id: str
    name: str
    owner: str
    scopes: tuple[Scope, ...]
    created: float
    last_used: float | None
    revoked: float | None


class Keys:
    """The keys of one installation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, name: str, *, owner: str | None = None, scopes: Collection[str] = ("read", "write")
    ) -> tuple[Key, str]:
        """Make a key and return it with its secret, which nobody can read again. Raises `InputError`.

        `owner` is the key's name where none is given.
        """
        owner = name if owner is None else owner
        for what, text in (("name", name), ("owner", owner)):
            if not 0 < len(text) <= 200 or not text.isprintable() or text != text.strip():
                raise InputError(f"{text[:50]!r} is no {what} of a key", hint="use 1 to 200 printable characters")
        if not scopes or (unknown := sorted(set(scopes) - set(SCOPES))):
            found = f"there is no scope {', '.join(unknown)}" if scopes else "a key without any scope"
            raise InputError(found, hint=f"the scopes are {', '.join(SCOPES)}")
        secret = PREFIX + secrets.token_urlsafe(24)
        row = {
            "id": uuid.uuid4().hex[:12],
            "name": name,
            "owner": owner,
            "scopes": [scope for scope in SCOPES if scope in scopes],
            "created": time.time(),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(db.keys).values(**row, hash=_hash(secret)))
            made = connection.execute(select(db.keys).where(db.keys.c.id == row["id"])).one()
        return _key(made), secret

    def list(self) -> list[Key]:
        """All keys, also those that were revoked, the oldest first."""
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(select(db.keys).order_by(db.keys.c.created, db.keys.c.id))]

    def revoke(self, key: str) -> Key:
        """From now on the key opens nothing. Raises `NotFoundError`; does nothing to one that was revoked before."""
        mine = db.keys.c.id == key
        with self._engine.begin() as connection:
            connection.execute(update(db.keys).where(mine & db.keys.c.revoked.is_(None)).values(revoked=time.time()))
            row = connection.execute(select(db.keys).where(mine)).first()
        if row is None:
            raise NotFoundError(f"there is no key {key!r}", hint="list them with: spinbot keys list")
        return _key(row)

    def exist(self) -> bool:
        """Whether there is a key that opens anything."""
        with self._engine.connect() as connection:
            valid = select(db.keys.c.id).where(db.keys.c.revoked.is_(None)).limit(1)
            return connection.execute(valid).first() is not None

    def authenticate(self, secret: str) -> Identity | None:
        """Who has this secret; None for one that is unknown or revoked."""
        digest, keys, now = _hash(secret), db.keys.c, time.time()
        with self._engine.connect() as connection:
            row = connection.execute(select(db.keys).where((keys.hash == digest) & keys.revoked.is_(None))).first()
        if row is None or not hmac.compare_digest(row.hash, digest):
            return None
        if row.last_used is None or row.last_used <= now - _USED_EVERY_S:
            with self._engine.begin() as connection:
                connection.execute(update(db.keys).where(keys.id == row.id).values(last_used=now))
        return Identity(row.owner, frozenset(row.scopes), row.id, row.name)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _key(row: Row[Any]) -> Key:
    return Key(row.id, row.name, row.owner, tuple(row.scopes), row.created, row.last_used, row.revoked)
