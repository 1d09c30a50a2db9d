"""500 pictures at once: sent one after the other, looked through, and learned from, all within the usual limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbot.client import Client, Picture
from spinbot.engines.image.drawn.engine import render
from spinbot.media.images import write_png
from spinbot.starter.pictures import look_of
from tests import tiny_pipelines
from tests.look_service import QUICK, learning, looks

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers about each other

COUNT, SIDE = 500, 128
CAPTION = "somebody in front of a wall of one colour, seen from the front, with a caption of usual length, "


def portraits() -> list[bytes]:
    """As many different people as PNG, each second one the one before in a mirror."""
    drawn = [render(look_of(seed), SIDE, SIDE, seed) for seed in range(COUNT // 2)]
    return [write_png(np.ascontiguousarray(one)) for pixels in drawn for one in (pixels, pixels[:, ::-1])]


def test_five_hundred_pictures_are_a_training_like_any_other(models: Any, tmp_path: Path):
    model = tiny_pipelines.save("sd15", tmp_path / "sd15")
    with learning(tmp_path / "home", models, model) as api, Client(api.url) as client:

        def sent(number: int, data: bytes) -> Picture:
            upload = client.upload(data, name=f"{number}.png")  # waits where the service says that it is too much
            return Picture(artifact=upload.artifact, name=upload.name, caption=CAPTION * 9)

        with ThreadPoolExecutor(8) as several:
            pictures = list(several.map(sent, range(COUNT), portraits()))
        client.create_profile("ada")
        client.attest("ada", "Ada", "tests")
        job = client.wait(client.train("ada", pictures=pictures, settings=QUICK | {"flip": False}).id)
        assert job.state == "succeeded", job.error
        assert job.outputs
        found = job.outputs["checkup"]["checkup"]
        assert found["go"] is True
        kinds = {(finding["code"], finding["level"]) for finding in found["findings"]}
        assert kinds == {("small", "note"), ("many", "note")}  # all are different people, and none is called a copy
        assert len(found["used"]) == COUNT
        with api.client() as http:
            [(version, look)] = looks(http)
            record = http.get(f"/v1/artifacts/{job.outputs['look']['captions']}").text.splitlines()
        assert (version, look) == (1, job.outputs["look"]["artifact"])
        assert len(record) == len(found["used"])
