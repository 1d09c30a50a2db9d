"""A video by three machines that cannot read each other's folders, one of which is lost on the way."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spinbot.media.probe import probe
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


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, f"still no {what}"
        threading.Event().wait(0.1)


def test_a_video_is_made_by_three_machines_one_of_which_is_lost(site, nodes, tmp_path):
    script, out = tmp_path / "script.txt", tmp_path / "out.mp4"
    script.write_text("\n\n".join(SENTENCES))
    command = ["spinbot.cli.main", "generate", "--script", str(script), "-o", str(out)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-m", *command], env=site.env, **pipes) as generate:
        wait_until("job", lambda: bool(site.jobs.recent(1)))
        job = site.jobs.recent(1)[0].id

        def hosts() -> dict[str, str]:
            """Which host made which node so far."""
            events = site.jobs.events(job)
            return {e.node: e.data["times"]["host"] for e in events if e.kind == "node.succeeded" and "times" in e.data}

        wait_until("animated sentence", lambda: any("/animate-" in node for node in hosts()))
        machine_of = site.ask("machines")
        nodes.kill(0)
        said, errors = generate.communicate(timeout=PATIENCE_S)
    assert generate.returncode == 0, errors
    assert f"{out}: " in said
    judge(site, [job])
    machine_of |= site.ask("machines")
    assert len({machine_of[host] for host in hosts().values() if host in machine_of}) >= 2
    found = site.jobs.get(job)
    animated = {name for name in found.nodes if "/animate-" in name}
    assert animated == {f"perform/animate-{n}" for n in range(1, len(SENTENCES) + 1)}
    assert probe(out).frames == round(found.outputs["video"]["seconds"] * 25)
