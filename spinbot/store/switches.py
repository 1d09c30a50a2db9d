"""Switches of the whole installation, such as the paused queue. Each is one JSON value under a name."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, select

from spinbot.store import database as db

QUEUE_PAUSED = "queue_paused"
"""Whether runners begin no further job."""


class Switches:
    """All processes see the same values; the last one who sets a switch is right."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a switch; `default` where nobody has set it yet."""
        with self._engine.connect() as connection:
            row = connection.execute(select(db.switches.c.value).where(db.switches.c.name == name)).first()
        return default if row is None else row.value

    def set(self, name: str, value: Any) -> None:
        """Set a switch to a JSON value other than null."""
        changed = {"value": value, "changed": time.time()}
        first = db.insert_or(self._engine.dialect, db.switches).values(name=name, **changed)
        with self._engine.begin() as connection:
            connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=changed))
