"""A real `spinbot up` of one's own, for benchmarks and tests: a home, a port, and the end of all its processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

HERE = Path(__file__).parent
START_S = 180


class Service:
    """`spinbot up` in a process of its own; `start` and `kill` may be called again and again."""

    def __init__(self, home: Path, **env: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.home = home
        self.url = f"http://127.0.0.1:{self.port}"
        path = os.pathsep.join(filter(None, [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]))
        self.env = os.environ | {"SPINBOT_HOME": str(home), "PYTHONPATH": path, "COLUMNS": "160"} | env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "spinbot.cli.main", "up", "--port", str(self.port), "--no-ui", *options]
        with (self.home / "up.log").open("a") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((self.home / "up.log").read_text())
            time.sleep(0.2)

    def ready(self) -> bool:
        """Whether it answers that it is."""
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def submit(self, graph: dict[str, Any], **fields: Any) -> str:
        """Store a job and answer its id."""
        answer = httpx.post(f"{self.url}/v1/jobs", json={"graph": graph} | fields, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def processes(self, title: str) -> list[psutil.Process]:
        """Its living processes whose title begins so, such as `ray::RunnerService`."""
        assert self.process is not None
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if " ".join(process.cmdline()).startswith(title) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def stop(self) -> None:
        """End it as an init system does, and wait; a process started in the background may have SIGINT ignored."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def kill(self) -> None:
        """SIGKILL to the command and everything under it."""
        assert self.process is not None
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=20)
        self.process.wait()
        self.process = None


@contextmanager
def service(*options: str, models: Path | None = None, **env: str) -> Iterator[Service]:
    """One with a new home, while it runs."""
    home = Path(tempfile.mkdtemp(prefix="sbs-", dir="/tmp"))
    if models:
        (home / "models").symlink_to(models)
    running = Service(home, **env)
    try:
        running.start(*options)
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)
