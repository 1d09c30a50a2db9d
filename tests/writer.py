"""A job and whoever writes its events, without a runner."""

from __future__ import annotations

from spinbot.store.jobs import Event, JobStore
from spinbot.store.ledger import Ledger, Turn


class Writer:
    """A job and whoever writes its events."""

    def __init__(self, store: JobStore) -> None:
        self.ledger = Ledger(store, lease_s=60)
        self.id = store.create("toy", {"nodes": {"a": {}}})
        claimed = self.ledger.claim(self.id)
        assert claimed
        self.epoch = claimed.epoch

    def write(self, *words: str, end: bool = False) -> list[Event]:
        turn = Turn()
        for word in words:
            turn.say("log", None, {"message": word})
        if end:
            turn.end("succeeded", outputs={})
        return self.ledger.write(self.id, self.epoch, turn).events
