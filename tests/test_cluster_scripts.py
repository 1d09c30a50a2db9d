"""A cluster by the scripts in cluster/, with nothing given but an address."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import psutil
import pytest

from spinbot.actors.ray.session import SETTINGS
from tests.kills import ROOT, Head, Site, judge, toy_graph

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

SMALL = ["--num-cpus=2", "--object-store-memory=100000000", "--disable-usage-stats"]


class Scripted(Head):
    """Two machines in one, each started by its script."""

    def _ray(self, *arguments: str) -> None:
        if arguments[0] == "--head":
            command = [str(ROOT / "cluster/head.sh"), *arguments[1:]]
        else:
            command = [str(ROOT / "cluster/join.sh"), arguments[0].removeprefix("--address=")]
        subprocess.run([*command, *SMALL], env=self.env, check=True, capture_output=True, timeout=90)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(["tests.toy_work"])
    del site.env["RAY_AUTH_MODE"], site.env["RAY_AUTH_TOKEN"], site.env["RAY_ENABLE_UV_RUN_RUNTIME_ENV"]
    site.env["HOME"] = str(site.folder)
    yield site
    site.close()


@pytest.fixture
def cluster(site: Site) -> Iterator[Scripted]:
    head = Scripted(site, second=True)
    yield head
    head.close()


def environment(process: psutil.Process) -> dict[str, str]:
    return {name: value for name, value in process.environ().items() if name in SETTINGS}


def submit(site: Site, name: str) -> str:
    return site.jobs.create(name, toy_graph(name, site.diary))


def test_jobs_run_on_a_cluster_that_the_scripts_have_started(site, cluster):
    assert (site.folder / ".ray/auth_token").read_text().strip()
    assert len(cluster.raylets()) == 2
    for raylet in map(psutil.Process, cluster.raylets()):
        assert environment(raylet) == SETTINGS
        assert raylet.environ()["RAY_AUTH_MODE"] == "token"
    job = submit(site, "by script")
    site.ask("wake")
    site.wait_for([job])
    judge(site, [job])
    services = [pid for name, pid in site.ask("pids").items() if not name.startswith("host/")]
    assert len({psutil.Process(pid).nice() for pid in [*services, *cluster.raylets()]}) == 1

    cluster.kill_all()
    cluster.start()  # what the head knew is in RocksDB: its services come back, and nobody has to ask them
    again = submit(site, "after its death")
    site.wait_for([again])
    judge(site, [job, again])


def test_a_machine_without_the_token_is_told_what_is_missing(site):
    asked = [str(ROOT / "cluster/join.sh"), "10.0.0.10:6379"]
    told = subprocess.run(asked, env=site.env, capture_output=True, text=True)
    assert told.returncode == 1
    assert "copy the head's" in told.stderr
    nothing = subprocess.run(asked[:1], env=site.env, capture_output=True, text=True)
    assert nothing.returncode == 1
    assert "cluster/join.sh 10.0.0.10:6379" in nothing.stderr
