"""Pictures that nobody has described are described by a model of the user's, before a look is learned from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbot.config import Settings
from spinbot.engines.base import no_progress
from spinbot.engines.captioner.image_to_text import ImageToTextEngine
from spinbot.errors import CancelledError, GraphError, ModelError
from spinbot.graphs.check import parse
from spinbot.graphs.templates import PictureCheck
from spinbot.graphs.trainings import LookTraining
from spinbot.media.picture_folder import read_folder, write_captions
from spinbot.models.store import ModelStore
from tests import tiny_captioners, tiny_pipelines
from tests.api import Api, ended
from tests.look_service import SETS, agreed, learning, trained, uploaded
from tests.people import CONSENT, photos
from tests.test_cli_server import spinbot
from tests.test_datasets import spinbot_in

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers about itself


@pytest.fixture(scope="module")
def captioners(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("captioners")
    return {kind: tiny_captioners.save(kind, folder / kind) for kind in tiny_captioners.CAPTIONERS}


def picture(seed: int) -> np.ndarray:
    """Noise as large as a photo of a telephone is broad, and as wide as it is high."""
    return np.random.default_rng(seed).integers(0, 255, (300, 400, 3), np.uint8)


@pytest.mark.parametrize("kind", list(tiny_captioners.CAPTIONERS))
def test_each_kind_describes_pictures_in_words_and_the_same_one_the_same(captioners: dict[str, Path], kind: str):
    engine = ImageToTextEngine(lambda name: captioners[kind], threads=1)
    engine.load(no_progress)
    said: list[float] = []
    texts = [engine.describe(picture(seed), lambda fraction, _: said.append(fraction)) for seed in (1, 2, 1)]
    engine.unload()
    assert texts[0] == texts[2]
    assert set(" ".join(texts).split()) <= set(tiny_captioners.WORDS) | {"[UNK]"}
    assert any(texts)
    assert said
    assert all(0 < fraction <= 1 for fraction in said)
    assert max(len(text.split()) for text in texts) <= 50


def test_it_stops_between_two_words(captioners: dict[str, Path]):
    def cancelled(fraction: float, message: str) -> None:
        raise CancelledError("cancelled")

    engine = ImageToTextEngine(lambda name: captioners["blip"], threads=1)
    engine.load(no_progress)
    with pytest.raises(CancelledError):
        engine.describe(picture(1), cancelled)


def test_what_is_no_captioner_is_named(captioners: dict[str, Path], tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match="its model_type is llama") as other:
        ImageToTextEngine(lambda name: tmp_path).load(no_progress)
    assert (other.value.code, "blip" in other.value.hint) == ("no_captioner", True)
    (tmp_path / "config.json").write_bytes((captioners["blip"] / "config.json").read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded") as partly:
        ImageToTextEngine(lambda name: tmp_path).load(no_progress)
    assert partly.value.code == "model_damaged"


ONE = "sha256:" + "0" * 64
GIVEN = [{"artifact": ONE, "name": "a.png"}]


@pytest.mark.parametrize(
    "request_of",
    [
        lambda given: PictureCheck(pictures=given, auto_caption=True),
        lambda given: LookTraining(pictures=given, auto_caption=True, consent="yes"),
    ],
)
def test_without_a_captioner_the_graph_is_refused_with_the_remedy(request_of: Any, tmp_path: Path):
    asked = request_of(GIVEN).graph()
    with pytest.raises(GraphError, match="no captioner is set up") as caught:
        parse(asked, artifacts={ONE}, settings=Settings(home=tmp_path))
    assert "SPINBOT_CAPTION_MODEL" in str(caught.value)
    assert parse(asked, artifacts={ONE}, settings=Settings(home=tmp_path, caption_model=tmp_path)).nodes["describe"]
    # Where all have captions there is nothing to write, so none is needed.
    told = request_of([GIVEN[0] | {"caption": "a wall"}]).graph()
    assert parse(told, artifacts={ONE}, settings=Settings(home=tmp_path))


def test_the_model_store_knows_the_users_captioner(captioners: dict[str, Path], tmp_path: Path):
    without = ModelStore.of(Settings(home=tmp_path))
    assert (without.installed("caption-model"), without.memory_bytes("caption-model")) == (False, 0)
    with pytest.raises(ModelError, match="no caption-model is set up"):
        without.pull(["caption-model"])
    store = ModelStore.of(Settings(home=tmp_path, caption_model=captioners["blip"]))
    assert store.path("caption-model") == captioners["blip"]
    assert store.memory_bytes("caption-model") > 10_000
    other = ModelStore.of(Settings(home=tmp_path, caption_model=captioners["git"]))
    assert store.digest("caption-model") != other.digest("caption-model")
    empty = ModelStore.of(Settings(home=tmp_path, caption_model=tmp_path))
    with pytest.raises(ModelError, match=r"there is no config\.json"):
        empty.path("caption-model")


def test_captions_are_written_beside_the_pictures_and_no_words_are_lost(tmp_path: Path):
    for name in ("a.jpg", "b.png", "b.webp", "c.jpg", "d.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "c.txt").write_text("mine\n")
    (tmp_path / "d.txt").write_text("\n")
    new = {name: f"about {name}" for name in ("a.jpg", "b.png", "b.webp", "c.jpg", "d.jpg")}
    notes = write_captions(tmp_path, new)
    assert [(note.name, note.code) for note in notes] == [
        ("b.txt", "caption_not_written"),
        ("c.txt", "caption_not_written"),
    ]
    assert {file.path.name: file.caption for file in read_folder(tmp_path).pictures} == {
        "a.jpg": "about a.jpg",
        "b.png": "about b.png",
        "b.webp": "about b.png",
        "c.jpg": "mine",
        "d.jpg": "about d.jpg",
    }


def test_a_captioner_is_asked_for_only_where_one_is_set_up(home: Path, tmp_path: Path):
    folder = photos(tmp_path / "photos", 3)
    for command in (["dataset", "pictures", folder], ["train", "look", folder, "--name", "ada", *CONSENT]):
        refused = spinbot_in(home, *command, "--caption")
        assert (refused.returncode, "SPINBOT_CAPTION_MODEL" in refused.stderr) == (4, True)
        assert "running" not in refused.stderr
    alone = spinbot_in(home, "dataset", "pictures", folder, "--write")
    assert (alone.returncode, "--caption" in alone.stderr) == (2, True)
    assert [path.name for path in folder.glob("*.txt")] == ["0.txt"]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, models: Any, captioners: dict[str, Path]) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("served")
    model = tiny_pipelines.save("sd15", folder / "sd15")
    with learning(folder / "home", models, model, caption_model=captioners["blip"]) as served:
        yield served


def test_the_words_can_be_seen_and_kept_and_then_are_learned(api: Api, tmp_path: Path):
    folder = photos(tmp_path / "photos", 4)
    (folder / "broken.png").write_bytes(b"nothing")
    ask = ("dataset", "pictures", folder, "--side", "256", "--caption")

    seen = spinbot(api, tmp_path, *ask, "--json")
    assert seen.returncode == 0, seen.stderr
    found = json.loads(seen.stdout)
    words = found["captions"]
    assert list(words) == ["2.png", "3.png"]
    assert all(words.values())
    assert "captions_missing" not in {finding["code"] for finding in found["findings"]}
    assert [path.name for path in folder.glob("*.txt")] == ["0.txt"]

    learn = ("train", "look", folder, "--name", "ada", *CONSENT, *SETS)
    done = spinbot(api, tmp_path, *learn, "--caption", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    learned = [json.loads(line) for line in (tmp_path / "out/metadata.jsonl").read_text().splitlines()]
    assert learned == [
        {"file_name": "0.png", "text": "a portrait of ohwx, white background"},
        {"file_name": "1.png", "text": "ohwx, yellow wall"},
        {"file_name": "2.png", "text": f"a portrait of ohwx, {words['2.png']}"},
        {"file_name": "3.png", "text": f"a portrait of ohwx, {words['3.png']}"},
    ]
    with api.client() as client:
        [part] = client.get("/v1/profiles/ada").json()["parts"]
    assert [stamp["slot"] for stamp in part["data"]["made_by"]] == ["captioner", "lora_trainer"]

    kept = spinbot(api, tmp_path, *ask, "--write")
    assert kept.returncode == 0, kept.stderr
    assert f"2.png: {words['2.png']}" in kept.stdout
    assert (folder / "3.txt").read_text() == f"{words['3.png']}\n"
    # Now they are the user's own words, and the same look is learned from them without a captioner.
    again = spinbot(api, tmp_path, *learn, "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert (told["look"]["artifact"], told["version"], told["new"]) == (part["artifact"], 1, False)
    assert "look 1 as it was" in spinbot(api, tmp_path, *learn).stdout


def test_a_program_has_them_written_over_http(api: Api, tmp_path: Path):
    with api.client() as client:
        pictures = uploaded(client, photos(tmp_path / "photos", 3))
        pictures[0]["caption"] = "a wall"
        agreed(client, "bea")
        job = trained(client, pictures, "bea", auto_caption=True)
        assert job["state"] == "succeeded", job["error"]
        written = job["outputs"]["picture_captions"]["captions"]
        assert [one["name"] for one in written] == ["1.png", "2.png"]
        record = client.get(f"/v1/artifacts/{job['outputs']['look']['captions']}").text.splitlines()
        assert json.loads(record[0])["text"] == "a portrait of ohwx, a wall"
        assert json.loads(record[2])["text"] == f"a portrait of ohwx, {written[1]['text']}"
        checked = {"template": "check_pictures", "params": {"pictures": pictures, "side": 256, "auto_caption": True}}
        seen = ended(client, client.post("/v1/jobs", json=checked).json()["id"])
        assert seen["outputs"]["picture_captions"]["captions"] == written
        # Two pictures teach nothing: then nobody describes them either.
        few = trained(client, pictures[:2], "bea", auto_caption=True)
        assert (few["state"], few["error"]["code"]) == ("failed", "not_fit")
        assert few["nodes"]["describe"]["outputs"]["captions"]["captions"] == []
