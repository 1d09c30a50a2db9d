"""The studio's pages beside the service: a process of its own, begun again when it dies, ended with this one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import httpx

from spinbot.errors import SpinbotError

READY_S = 60.0
LOOK_S = 0.1
END_S = 5.0
AGAIN_S = 2.0
"""Between an unexpected end and the next beginning."""


class Pages:
    """Serves the studio on `host:port` while its block runs; its pages speak to the service at `server`."""

    def __init__(self, server: str, host: str, port: int, log: Path) -> None:
        self._command = [sys.executable, "-m", "app_streamlit", "--server", server, "--host", host, "--port", str(port)]
        self._command.append("--end-with-input")
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._keep, name="studio", daemon=True)

    def __enter__(self) -> Pages:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._start()
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:  # a browser that reads a video slowly holds its connection
            self._process.kill()
        self._watch.join()

    def ready(self, url: str) -> None:
        """Wait until `url` answers. Raises `SpinbotError` with the place of the log where it does not."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            try:
                if httpx.get(f"{url}/_stcore/health", trust_env=False, timeout=1).is_success:
                    return
            except httpx.TransportError:
                self._ended.wait(LOOK_S)
        raise SpinbotError(
            "the studio's pages do not answer", hint=f"see {self._log}, or start without them: --no-ui", code="no_ui"
        )

    def _start(self) -> None:
        # The end of its input tells it that this process has ended, however it did.
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=os.environ, start_new_session=True
            )

    def _keep(self) -> None:
        while self._process is not None:
            self._process.wait()
            if self._ended.wait(AGAIN_S):
                return
            self._start()
