"""Keeps the installation from growing for ever: forgets old jobs and prunes the cache, where the settings say so."""

from __future__ import annotations

import logging
import time

from spinbot.config import QueueLimits
from spinbot.errors import InputError
from spinbot.store.jobs import JobStore
from spinbot.store.prune import Cache

EVERY_S = 3600.0

log = logging.getLogger(__name__)


def sweep(jobs: JobStore, cache: Cache, limits: QueueLimits) -> int:
    """Forget jobs that ended more than `keep_days` ago, then prune the cache to `cache_gb`. Answers how many jobs went.

    What kept jobs need is never removed; files of forgotten ones go as far as no other job needs them.
    Raises `StorageError`.
    """
    gone = 0
    if limits.keep_days:
        for job in jobs.ended_before(time.time() - limits.keep_days * 86400):
            try:
                jobs.delete(job)
            except InputError:  # it was opened again at this moment
                continue
            gone += 1
    if limits.keep_days or limits.cache_gb:
        pruned = cache.prune(max_bytes=int(limits.cache_gb * 1e9) if limits.cache_gb else None)
        log.info("sweep: %d jobs forgotten, %d files of %d bytes removed", gone, pruned.artifacts, pruned.bytes)
    return gone
