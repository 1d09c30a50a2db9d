"""The walk-through of docs/api.md runs as it is written, and the page names every route."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from spinbot.config import Settings, starter_hosts
from spinbot.media.probe import probe
from spinbot.serve.api.app import build_api
from spinbot.serve.backend import LocalBackend
from tests.api import PORTRAIT, ROOT, running

PAGE = (ROOT / "docs/api.md").read_text()


def test_every_route_stands_on_the_page(tmp_path):
    app = build_api(LocalBackend(Settings(home=tmp_path)))
    named = re.sub(r"\{.*?\}", "{}", PAGE)
    missing = []
    for path in app.openapi()["paths"]:
        short = re.sub(r"\{.*?\}", "{}", path)
        tail = short.rpartition("/")[2]
        if short not in named and f"`{tail}`" not in named and f"/{tail}`" not in named and f"{tail}," not in named:
            missing.append(path)
    assert not missing


@pytest.mark.models
def test_the_walk_through_makes_a_video(tmp_path, models):
    home = models("smollm2-135m-instruct").parent.parent
    (tmp_path / "models").symlink_to(home / "models")
    work = tmp_path / "work"
    work.mkdir()
    shutil.copyfile(PORTRAIT, work / "me.png")
    script = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.S | re.M)[0]
    with running(LocalBackend(Settings(home=tmp_path, hosts=starter_hosts()))) as api:
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=work,
            env=os.environ | {"SERVER": api.url},
            capture_output=True,
            text=True,
        )
    assert run.returncode == 0, run.stderr
    assert '"kind":"job.succeeded"' in (work / "events.txt").read_text().splitlines()[-2]
    assert '"perform"' in (work / "plan.json").read_text()
    found = probe(work / "video.mp4")
    assert (found.video_codec, found.audio_codec) == ("h264", "aac")
