"""A video by three machines that cannot read each other's folders, one of which is lost on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spinbot.graphs.templates import TalkingPortrait
from spinbot.media.portraits import path as shipped_portrait
from spinbot.media.probe import probe
from spinbot.store.artifacts import LocalArtifacts
from tests.kills import PATIENCE_S, Site, judge
from tests.nodes3 import ThreeNodes, three_nodes

pytestmark = [pytest.mark.ray, pytest.mark.models, pytest.mark.timeout(900)]

SENTENCES = [
    "The harbor was quiet that night.",
    "Nobody had seen the ship for years.",
    "Then a bell rang three times.",
    "An old man opened his window.",
    "He knew that sound better than his own name.",
    "By morning the ship was gone again.",
]


@pytest.fixture
def site(models: Callable[[str], Path]) -> Iterator[Site]:
    site = Site([], models("kokoro-82m-int8").parent)
    # One for each machine; with a CPU each, which every node of the cluster has one of, no two share a machine.
    for group in ("SPEECH", "VISION"):
        site.env[f"SPINBOT_HOSTS__{group}__PROCESSES"] = "3"
        site.env[f"SPINBOT_HOSTS__{group}__NUM_CPUS"] = "0.5"
        site.env[f"SPINBOT_HOSTS__{group}__THREADS"] = "1"
    yield site
    site.close()


@pytest.fixture
def nodes(site: Site) -> Iterator[ThreeNodes]:
    with three_nodes(site.home, site.home / "models") as nodes:
        site.env["SPINBOT_RAY_ADDRESS"] = nodes.address
        yield nodes


def submit(site: Site) -> str:
    portrait = LocalArtifacts(site.settings.artifacts_dir).put_bytes(shipped_portrait("demo").read_bytes())
    graph = TalkingPortrait(script="\n\n".join(SENTENCES), portrait=portrait, seed=5).graph()
    return site.jobs.create("three machines", graph)


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, f"still no {what}"
        threading.Event().wait(0.1)


def test_a_video_is_made_by_three_machines_one_of_which_is_lost(site, nodes):
    job = submit(site)
    site.ask("wake")

    def hosts() -> dict[str, str]:
        """Which host made which node so far."""
        events = site.jobs.events(job)
        return {e.node: e.data["times"]["host"] for e in events if e.kind == "node.succeeded" and "times" in e.data}

    wait_until("animated sentence", lambda: any("/animate-" in node for node in hosts()))
    before = site.ask("machines")  # host -> Ray node
    nodes.kill(0)
    wait_until("end of the job", lambda: site.finished([job]))
    judge(site, [job])
    machines = {**site.ask("machines"), **before}
    used = {machines[host] for host in hosts().values() if host in machines}
    assert len(used) >= 2, used
    found = site.jobs.get(job)
    assert len(before.values()) >= 2
    video = found.outputs["video"]
    made = probe(LocalArtifacts(site.settings.artifacts_dir).path(video["artifact"]))
    assert made.frames == round(video["seconds"] * 25)
    assert {name.split("/")[1] for name in found.nodes if "/animate-" in name} == {
        f"animate-{n}" for n in range(1, len(SENTENCES) + 1)
    }
