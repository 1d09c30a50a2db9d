"""Logs of the service: one JSON object a line in `<home>/logs/`, with the ids of job and node where there are any."""

from __future__ import annotations

import json
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from spinbot.disk import storage_errors
from spinbot.store.jobs import Event

MOST_BYTES = 10_000_000
KEPT = 5
FIELDS = ("job", "node", "kind")

_events = logging.getLogger("spinbot.events")
_LEVELS = {"node.failed": logging.ERROR, "job.failed": logging.ERROR, "node.retrying": logging.WARNING}
_QUIET = frozenset({"node.progress", "node.partial", "node.figures", "node.preview", "model.loading"})


class JsonLines(logging.Formatter):
    """A record as JSON: time (epoch seconds), level, logger, message, and what `FIELDS` name."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {"time": round(record.created, 3), "level": record.levelname, "logger": record.name}
        line["message"] = record.getMessage()
        line |= {name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_to(home: Path, name: str) -> None:
    """Write this process's logs of spinbot to `<home>/logs/<name>.log`. Raises `StorageError`."""
    folder = home / "logs"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(folder / f"{name}.log", maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8")
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("spinbot")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def log_event(event: Event) -> None:
    """A job's event as a line of the log; progress is left out."""
    if event.kind in _QUIET:
        return
    error = event.data.get("error") or {}
    said = error.get("message") or event.data.get("message") or event.kind
    ids = {"job": event.job, "node": event.node, "kind": event.kind}
    _events.log(_LEVELS.get(event.kind, logging.INFO), "%s", said, extra=ids)
