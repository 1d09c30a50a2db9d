"""Several processes that do one job together and end together, however they end."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Any

from spinbot.errors import SpinbotError


def run(processes: int, job: Callable[..., None], *args: Any) -> None:
    """`job(rank, *args)` for rank 0 in this process and for the other ranks in processes of their own.

    Raises `SpinbotError` where one of the others failed; its traceback is on standard error.
    """
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_follow, args=(rank, job, args), name=f"starter-{rank}", daemon=True)
        for rank in range(1, processes)
    ]
    for process in others:
        process.start()
    try:
        job(0, *args)
        for process in others:
            process.join()
    finally:
        for process in others:
            process.terminate()
    if failed := [process.name for process in others if process.exitcode != 0]:
        raise SpinbotError(
            f"{', '.join(failed)} failed", hint="run the same command again: it goes on from the last checkpoint"
        )


def _follow(rank: int, job: Callable[..., None], args: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job(rank, *args)


def _end_with_parent() -> None:
    """Ends this process with its parent: one that was killed cannot tell its children."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
