"""A Ray cluster of three nodes on this machine whose working folders are hidden from each other.

Every node has its home at the same path, which is a file system of its own: the processes of a node are forked while
this thread has its mounts unshared (unshare(2), CLONE_NEWNS) and a fresh tmpfs at that path.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
QUICK = {
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "4",
}


@contextmanager
def hidden(home: Path, models: Path | None) -> Iterator[None]:
    """Inside, this thread and what it forks see a `home` of their own, which is empty but for the models."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: int) -> None:
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), name)

    outside = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
    folder = os.getcwd()
    call("unshare", CLONE_NEWNS)
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        models = models and models.resolve()
        kept = Path(tempfile.mkdtemp(prefix="m", dir="/tmp"))
        if models:
            subprocess.run(["mount", "--bind", str(models), str(kept)], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(home)], check=True)
        if models:
            (home / "models").mkdir()
            subprocess.run(["mount", "--bind", str(kept), str(home / "models")], check=True)
        yield
    finally:
        call("unshare", CLONE_FS)  # from threads begun meanwhile: setns(2) refuses where the file system view is shared
        call("setns", outside, CLONE_NEWNS)
        os.chdir(folder)  # setns(2) makes the root of the file system the working directory
        os.close(outside)
        os.rmdir(kept)


class ThreeNodes:
    """The cluster. The head's home is the only one that this process sees."""

    def __init__(self, home: Path, models: Path | None = None) -> None:
        from ray.cluster_utils import Cluster

        self.home = home
        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 128 << 20}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = []
        for _ in range(2):
            with hidden(home, models):
                self.nodes.append(self.cluster.add_node(num_cpus=1, object_store_memory=128 << 20))

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def kill(self, which: int) -> None:
        """SIGKILL to every process of one of the two further nodes, as if its machine lost power."""
        node = self.nodes[which]
        raylet = node.all_processes["raylet"][0].process.pid
        for pid in [*descendants(raylet), raylet]:
            with_suppressed_kill(pid)
        self.cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        self.cluster.shutdown()


def with_suppressed_kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def descendants(pid: int) -> list[int]:
    """Children of a process and theirs, the deepest first."""
    found = []
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        found += [*descendants(int(child)), int(child)]
    return found


@contextmanager
def three_nodes(home: Path, models: Path | None = None) -> Iterator[ThreeNodes]:
    folder = tempfile.mkdtemp(prefix="c", dir="/tmp")
    before = dict(os.environ)
    os.environ.update(QUICK, RAY_TMPDIR=folder, SPINBOT_HOME=str(home), RAY_ENABLE_UV_RUN_RUNTIME_ENV="0")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), before.get("PYTHONPATH", "")])
    nodes = None
    try:
        nodes = ThreeNodes(home, models)
        yield nodes
    finally:
        if nodes:
            nodes.close()
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)
