"""Killing processes at seeded random moments while jobs run, and judging what is left.

This process never touches Ray: a driver whose cluster dies may be ended by Ray's own libraries.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from spinbot.config import Settings
from spinbot.store.artifacts import Artifacts, LocalArtifacts, artifact_ids
from spinbot.store.database import connect
from spinbot.store.jobs import ENDED, JobStore
from tests.nodes3 import QUICK

ROOT = Path(__file__).parent.parent
PATIENCE_S = 150.0  # for all jobs of a round to end: a lost node is noticed after some seconds, hosts start in a few


def link(node: str) -> dict[str, str]:
    return {"node": node, "output": "text"}


def toy_graph(name: str, diary: Path) -> dict[str, Any]:
    """Twelve nodes: a chain with an engine, an expansion into four, a node that needs both; some 1.5 s of work."""

    def work(node: str, *before: str, kind: str = "toy_work") -> dict[str, Any]:
        params = {"name": f"{name}:{node}", "diary": str(diary)}
        return {"type": kind, "params": params, "inputs": {"before": [link(other) for other in before]}}

    nodes = {
        "a": work("a"),
        "b": work("b", "a", kind="toy_think"),
        "c": work("c", "b"),
        "crew": work("crew", "a", kind="toy_crew"),
        "d": work("d", "c"),
        "end": work("end", "d", "crew"),
    }
    return {"schema": "spinbot.graph/v1", "name": name, "nodes": nodes, "outputs": {"text": link("end")}}


class Site:
    """A home with its database, and the processes that work on it."""

    def __init__(self, plugins: list[str], models: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))
        self.home = self.folder / "home"
        self.home.mkdir()
        if models:
            (self.home / "models").symlink_to(models)
        self.diary = self.folder / "diary"
        self.settings = Settings(home=self.home)
        self.engine = connect(self.settings.database)
        self.jobs = JobStore(self.engine)
        self.env = (
            os.environ
            | QUICK
            | {
                "SPINBOT_HOME": str(self.home),
                "SPINBOT_PLUGINS": json.dumps(plugins),
                "SPINBOT_LEASE_S": "3",
                "PYTHONPATH": str(ROOT),
                "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN": "test-" + "0" * 32,
            }
        )

    def driver(self, *arguments: str) -> subprocess.Popen[str]:
        """A process of its own that uses spinbot: see kills_driver.py."""
        command = [sys.executable, "-m", "tests.kills_driver", *arguments]
        return subprocess.Popen(command, env=self.env, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def ask(self, *arguments: str) -> Any:
        """What a driver prints as JSON."""
        out, _ = self.driver(*arguments).communicate(timeout=PATIENCE_S)
        return json.loads(out.splitlines()[-1])

    def finished(self, jobs: list[str]) -> bool:
        return all(self.jobs.get(job).state in ENDED for job in jobs)

    def wait_for(self, jobs: list[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self.finished(jobs):
            if time.monotonic() > deadline:
                states = {job: {n: r.state for n, r in self.jobs.get(job).nodes.items()} for job in jobs}
                raise AssertionError(f"jobs have not ended: {states}")
            threading.Event().wait(0.1)

    def close(self) -> None:
        self.engine.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)


class Head:
    """A Ray cluster of this machine, started as users do: `ray start`."""

    def __init__(self, site: Site, *, rocksdb: bool = False, second: bool = False) -> None:
        self.site = site
        self.temp = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
        self.port = free_port()
        self.env = dict(site.env)
        self.second = second
        if rocksdb:
            self.env |= {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(self.temp / "gcs")}
        self.start()
        site.env["SPINBOT_RAY_ADDRESS"] = f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._ray("--head", f"--port={self.port}", f"--temp-dir={self.temp}/s", "--include-dashboard=false")
        if self.second:
            self.add_node()

    def add_node(self) -> None:
        """Start a second node; what a former one whose raylet was killed has left ends: it would go on for ever."""
        monitors = [p for p in self._processes() if any(a.endswith("log_monitor.py") for a in p.cmdline())]
        for process in sorted(monitors, key=lambda p: p.create_time())[1:]:
            kill(process.pid)
        self._ray(f"--address=127.0.0.1:{self.port}")

    def raylets(self) -> list[int]:
        """Pids of the raylets, the head's first."""
        found = [p for p in self._processes() if p.name() == "raylet"]
        return [p.pid for p in sorted(found, key=lambda p: p.create_time())]

    def kill_all(self) -> None:
        """SIGKILL to every process of the cluster, as if the machine had been switched off and on."""
        for process in self._processes():
            try:
                for child in process.children(recursive=True):
                    kill(child.pid)
            except psutil.NoSuchProcess:  # it ended with one that was killed before it
                continue
            kill(process.pid)
        psutil.wait_procs(self._processes(), timeout=20)

    def close(self) -> None:
        self.kill_all()
        shutil.rmtree(self.temp, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        """Those that name the cluster's folder or, as Ray's client server does, only its address."""
        found = []
        for process in psutil.process_iter():
            try:
                named = any(str(self.temp) in a or a.endswith(f":{self.port}") for a in process.cmdline())
                if named and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def _ray(self, *arguments: str) -> None:
        ray = Path(sys.executable).parent / "ray"
        common = ["--num-cpus=2", "--object-store-memory=100000000", "--disable-usage-stats"]
        subprocess.run([ray, "start", *arguments, *common], env=self.env, check=True, capture_output=True, timeout=90)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was about to end


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at_a_random_moment(random_: random.Random, longest_s: float, act: Callable[[], Any]) -> None:
    threading.Event().wait(random_.uniform(0.05, longest_s))
    act()


def judge(site: Site, jobs: list[str]) -> None:
    """What must be true after any death: see the message of each assertion."""
    artifacts = LocalArtifacts(site.settings.artifacts_dir)
    judge_jobs(site.jobs, artifacts, begun(site.diary), jobs)
    for artifact, _, _ in artifacts.stored():
        assert artifact == digest(artifacts.path(artifact)), "a file in the store is damaged"


def begun(diary: Path) -> dict[str, list[float]]:
    """When each toy node began, by `<job's name>:<node>`."""
    found: dict[str, list[float]] = {}
    if diary.exists():
        for line in diary.read_text().splitlines():
            at, name = line.split(" ", 1)
            found.setdefault(name, []).append(float(at))
    return found


def judge_jobs(store: JobStore, artifacts: Artifacts, began: dict[str, list[float]], jobs: list[str]) -> None:
    """Every job succeeded, no finished node was begun again, no event is missing or doubled, no artifact damaged."""
    for job in jobs:
        found, events = store.get(job), store.events(job)
        assert found.state == "succeeded", found.error
        assert [event.seq for event in events] == list(range(1, found.events + 1)), "a number is missing or doubled"
        ended = [event.node for event in events if event.kind in ("node.succeeded", "node.cached")]
        assert len(ended) == len(set(ended)) == len(found.nodes), "a node ended twice, or never"
        done: set[str | None] = set()
        for event in events:
            if event.kind == "node.running":
                assert event.node not in done, f"{event.node} had finished and was begun again"
            if event.kind in ("node.succeeded", "node.expanded"):
                done.add(event.node)
                late = [at for at in began.get(f"{found.name}:{event.node}", ()) if at > event.time]
                assert not late, f"{event.node} of {found.name} had finished and ran again"
        for run in found.nodes.values():
            for artifact in artifact_ids(run.outputs):
                assert artifact == digest(artifacts.path(artifact)), "an artifact is damaged"


def digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
