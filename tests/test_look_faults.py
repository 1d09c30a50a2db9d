"""Bad pictures, a loss that is no number, a full disk: each has a clear outcome, and earlier looks stay as they are."""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from spinbot.engines.image.pipeline import load_pipeline
from tests import tiny_pipelines
from tests.api import Api, ended
from tests.look_service import QUICK, SETS, agreed, learning, looks, trained, uploaded
from tests.people import photos
from tests.test_cli_server import spinbot

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers about each other

WIDE = QUICK | {"rank": 256, "max_train_steps": 4, "checkpoint_seconds": 1e-6, "seed": 1}
"""Its checkpoints are larger than all else that a training writes."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pipelines.save("sd15", tmp_path_factory.mktemp("model") / "sd15")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, models: Any, model: Path) -> Iterator[Api]:
    """A service in which ada has look 1."""
    home = tmp_path_factory.mktemp("service")
    with learning(home, models, model) as served:
        with served.client() as client:
            agreed(client)
            job = trained(client, uploaded(client, photos(home / "photos", 4)))
            assert job["state"] == "succeeded", job["error"]
        yield served


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    """Whatever a test does to her, look 1 is there afterwards, as it was."""
    with api.client() as client:
        before = looks(client)
        yield client
        assert looks(client)[-1:] == before[-1:]


def test_one_picture_teaches_nothing(client: httpx.Client, tmp_path: Path):
    before = looks(client)
    job = trained(client, uploaded(client, photos(tmp_path / "photos", 1)))
    assert (job["state"], job["error"]["code"]) == ("failed", "not_fit")
    assert "1 picture is fit to learn from; 3 are the least" in job["error"]["message"]
    assert looks(client) == before


def test_copies_of_one_picture_teach_nothing(client: httpx.Client, tmp_path: Path):
    folder = tmp_path / "copies"
    photos(folder, 1)
    with Image.open(folder / "0.png") as opened:
        for number, side in enumerate((300, 280, 260, 240, 200), 1):
            opened.resize((side, side)).save(folder / f"{number}.jpg", quality=70 + number)
    before = looks(client)
    job = trained(client, uploaded(client, folder))
    assert (job["state"], job["error"]["code"]) == ("failed", "not_fit")
    left_out = [finding["name"] for finding in job["error"]["details"] if finding["code"] == "duplicate"]
    assert sorted(left_out) == ["1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert "different" in job["error"]["hint"]
    assert looks(client) == before


def test_what_cannot_be_read_is_left_out_and_named(api: Api, client: httpx.Client, tmp_path: Path):
    folder = photos(tmp_path / "photos", 4)
    (folder / "text.jpg").write_text("not a picture")
    (folder / "empty.png").touch()
    (folder / "half.png").write_bytes((folder / "3.png").read_bytes()[:9000])
    (folder / "gone.txt").write_text("somebody who is not there")
    (folder / "metadata.jsonl").write_text('{"file_name": "lost.jpg", "text": "a lost one"}\n')
    done = spinbot(api, tmp_path, "train", "look", folder, "--name", "ada", *SETS, "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["checkup"]["used"] == ["0.png", "1.png", "2.png", "3.png"]
    assert {(finding["name"], finding["code"]) for finding in told["checkup"]["findings"]} == {
        ("text.jpg", "not_a_picture"),
        ("empty.png", "picture_empty"),
        ("half.png", "picture_damaged"),
        ("gone.txt", "caption_without_picture"),
        ("lost.jpg", "caption_without_picture"),
        ("", "captions_missing"),
        ("", "few"),
    }
    record = (tmp_path / "out/metadata.jsonl").read_text()
    assert [json.loads(line)["file_name"] for line in record.splitlines()] == ["0.png", "1.png", "2.png", "3.png"]


def test_files_that_cannot_be_read_and_nothing_else_are_no_training(api: Api, client: httpx.Client, tmp_path: Path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "text.jpg").write_text("not a picture")
    before, jobs = looks(client), len(api.backend.jobs.recent())
    done = spinbot(api, tmp_path, "train", "look", folder, "--name", "ada", *SETS)
    assert done.returncode == 2
    assert "none of the pictures can be read: text.jpg" in done.stderr
    assert (looks(client), len(api.backend.jobs.recent())) == (before, jobs)


def test_a_full_disk_at_a_checkpoint_is_told_and_the_training_can_be_taken_up(client: httpx.Client, tmp_path: Path):
    pictures = uploaded(client, photos(tmp_path / "photos", 4))
    before = looks(client)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel's own way to say that a file may not grow: EFBIG, handled like a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, old[1]))
    try:
        job = trained(client, pictures, settings=WIDE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert (job["state"], job["error"]["code"]) == ("failed", "disk_full")
    assert "checkpoint" in job["error"]["message"]
    assert "SPINBOT_HOME" in job["error"]["hint"]
    assert looks(client) == before
    assert client.post(f"/v1/jobs/{job['id']}/retry").status_code in (200, 202)
    again = ended(client, job["id"])
    assert again["state"] == "succeeded", again["error"]
    assert looks(client) == [(before[0][0] + 1, again["outputs"]["look"]["artifact"]), *before]


def test_a_loss_that_is_no_number_says_what_to_do(models: Any, model: Path, tmp_path: Path):
    """The model was replaced by one that is broken: its weights overflowed when they were converted, say."""
    home, folder = tmp_path / "home", photos(tmp_path / "photos", 4)
    with learning(home, models, model) as good, good.client() as client:
        agreed(client)
        assert trained(client, uploaded(client, folder))["state"] == "succeeded"
        before = looks(client)
    pipe = load_pipeline(model, device="cpu", precision="float32")
    pipe.unet.conv_out.bias.data[0] = math.nan
    pipe.save_pretrained(tmp_path / "broken")
    with learning(home, models, tmp_path / "broken") as broken, broken.client() as client:
        job = trained(client, uploaded(client, folder))
        assert (job["state"], job["error"]["code"]) == ("failed", "loss_not_finite")
        assert "learning_rate" in job["error"]["hint"]
        assert looks(client) == before
        assert len(before) == 1
