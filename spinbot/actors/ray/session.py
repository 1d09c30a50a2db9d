"""Starting and ending Ray: a private one for this process, or a cluster to join.

Starting takes 6 to 9 s, so it begins at once in the background and whoever needs it waits for what is left. The
thread that starts a private Ray lives as long as it does: Linux delivers the parent-death signal, by which Ray ends
its processes, when the *thread* that forked them ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import threading
from concurrent.futures import Future

import ray
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available

from spinbot.config import Settings
from spinbot.errors import SpinbotError

NAMESPACE = "spinbot"

SETTINGS = {
    # Workers of Ray begin at 15, a group's `nice` is added, and there is none beyond 19: all groups would be one.
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # else num_gpus=0 leaves GPUs visible
    # One event loop in a replica and in Serve's proxy, where each hop to another thread waits for the GIL: a stored job
    # takes 4.4 + 3.2 ms of a core in place of 5.1 + 3.7.
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
}
"""What Ray's processes read from the environment when they start. Whoever sets one of them otherwise keeps it; a
cluster's processes have started already, and keep what they were given."""


class RaySession:
    """Ray for this process, from the moment it is made until `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = ""
        self._started: Future[None] = Future()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="ray-keeper", daemon=True)
        self._keeper.start()

    async def ready(self) -> None:
        """Wait until Ray runs. Raises `SpinbotError` (`no_ray`)."""
        if not self._started.done() or self._started.exception() is not None:
            await asyncio.shield(asyncio.wrap_future(self._started))  # one that gives up must not end it

    def wait(self) -> None:
        """`ready` for callers without an event loop."""
        self._started.result()

    async def close(self) -> None:
        """End a private Ray with every process it started; leave a cluster."""
        self._ended.set()
        await asyncio.to_thread(self._keeper.join)

    def _keep(self) -> None:
        try:
            self._init()
        except Exception as error:  # noqa: BLE001  # carried to whoever waits for it
            fault = SpinbotError(f"Ray did not start: {error}", hint="look at it with: spinbot doctor", code="no_ray")
            fault.__cause__ = error
            self._started.set_exception(fault)
        else:
            self._started.set_result(None)
            self._ended.wait()
        ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _init(self) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        if self._settings.ray_address:
            # `ray start` uses a token where this user has one; `ray.init` with an address does not by itself, and
            # then finds no cluster. The setting is read when Ray is imported, so its own function is needed.
            maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
            ray.init(address=self._settings.ray_address, namespace=NAMESPACE, log_to_driver=False)
            return
        # Ray's sockets live below this folder and a socket's path may have 107 bytes only: keep it short.
        self._folder = tempfile.mkdtemp(prefix="spinbot-ray-", dir=_short_temp())
        ray.init(
            address="local",
            namespace=NAMESPACE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            object_store_memory=256 << 20,
            _temp_dir=self._folder,
        )


def _short_temp() -> str | None:
    default = tempfile.gettempdir()
    return default if len(default) <= 24 or not os.path.isdir("/tmp") else "/tmp"
