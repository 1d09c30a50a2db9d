"""`spinbot train look` on the starter model: photos in, a profile whose portraits can be drawn out."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from spinbot.config import HostGroup, Settings
from spinbot.errors import InputError
from spinbot.graphs.casting import cast
from spinbot.media.credentials import read as read_credentials
from spinbot.serve.backend import LocalBackend
from spinbot.store.profiles import Consent, Part, Profile
from tests import tiny_pipelines
from tests.api import Api, ended, running
from tests.people import CONSENT, photos, recording, told_live
from tests.test_datasets import spinbot_in
from tests.test_jobs_cli import environment

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers about each other

SMALL = {
    "max_train_steps": 9,
    "batch_size": 2,
    "prior_pictures": 1,
    "sample_prompts": ["[trigger]"],
    "sample_every_n_steps": 3,
}
SETS = [part for name, value in SMALL.items() for part in ("--set", f"{name}={json.dumps(value)}")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, models: Any) -> tuple[Path, dict[str, Any]]:
    """A home in which ada was trained by the command, and what it answered."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models("starter-portraits").parent)
    folder = photos(home / "photos")
    done = spinbot_in(
        home, "train", "look", folder, "--name", "ada", *CONSENT, *SETS, "-o", home / "lora", "--json"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return home, json.loads(done.stdout)


def test_the_profile_has_the_look_and_the_folder_its_files(trained: tuple[Path, dict[str, Any]]) -> None:
    home, told = trained
    assert told["version"] == 1
    assert [version["step"] for version in told["look"]["versions"]][-2:] == [6, 9]
    assert told["look"]["phrase"] == "a portrait of ohwx"
    shown = json.loads(spinbot_in(home, "profile", "show", "ada", "--json").stdout)
    assert [(part["kind"], part["artifact"]) for part in shown["parts"]] == [("look", told["look"]["artifact"])]
    assert shown["consent"]["person"] == "Ada Lovelace"
    for name in ("pytorch_lora_weights.safetensors", "ohwx.safetensors"):
        with safe_open(home / "lora" / name, "np") as opened:
            assert opened.metadata()["modelspec.trigger_phrase"] == "ohwx"
    assert pixels(home / "lora/samples.png").shape == (128, 128, 3)
    assert pixels(home / "lora/curve.png").shape == (360, 720, 3)
    assert (home / "lora/events.out.tfevents.spinbot").stat().st_size > 100


def test_loss_scores_and_samples_were_told_while_it_ran(trained: tuple[Path, dict[str, Any]]) -> None:
    home, told = trained
    figures, previews = told_live(home)
    assert sorted(figures) == list(range(1, 10))
    assert all({"loss", "learning_rate"} <= set(of_step) for of_step in figures.values())
    assert [step for step, of_step in figures.items() if "likeness" in of_step] == [3, 6, 9]
    scores = {version["step"]: round(version["score"], 4) for version in told["look"]["versions"]}
    assert scores == {step: figures[step]["likeness"] for step in scores}
    assert [(preview["kind"], preview["step"]) for preview in previews] == [("image", 3), ("image", 6), ("image", 9)]
    samples = hashlib.sha256((home / "lora/samples.png").read_bytes()).hexdigest()
    assert f"sha256:{samples}" in {preview["artifact"] for preview in previews}


def test_the_person_is_drawn_and_the_consent_stands_in_the_picture(trained: tuple[Path, dict[str, Any]]) -> None:
    home, told = trained
    for name, who in (("ada.png", ["--profile", "ada"]), ("plain.png", [])):
        done = spinbot_in(home, "draw", "a blue wall", *who, "--size", "256x192", "-o", home / name)
        assert done.returncode == 0, done.stderr
    ada, plain = (pixels(home / name) for name in ("ada.png", "plain.png"))
    assert ada.shape == (192, 256, 3)
    assert np.abs(ada - plain).mean() > 1
    found = json.dumps(read_credentials(home / "ada.png").extra)
    assert "Ada Lovelace agreed to: tests of spinbot" in found
    assert told["look"]["artifact"] in found
    assert "Ada Lovelace" not in json.dumps(read_credentials(home / "plain.png").extra)


def test_another_model_takes_the_place_of_the_starter_by_one_setting(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = trained
    monkeypatch.setenv("SPINBOT_IMAGE_MODEL", str(tiny_pipelines.save("sdxl", tmp_path / "sdxl")))
    done = spinbot_in(home, "draw", "a wall", "--size", "128x64", "-o", tmp_path / "wall.png", "--json")
    assert done.returncode == 0, done.stderr
    assert pixels(tmp_path / "wall.png").shape == (64, 128, 3)
    other = spinbot_in(home, "draw", "a wall", "--profile", "ada", "-o", tmp_path / "ada.png")
    assert other.returncode == 2
    assert "trained on another model" in other.stderr
    folder = photos(tmp_path / "photos", 3)
    learned = spinbot_in(home, "train", "look", folder, "--name", "dora", *CONSENT, *SETS, "-o", tmp_path / "lora")
    assert learned.returncode == 0, learned.stderr
    with safe_open(tmp_path / "lora/ohwx.safetensors", "np") as opened:
        assert opened.metadata()["ss_base_model_version"] == "sdxl_base_v1-0"
    monkeypatch.setenv("SPINBOT_IMAGE_MODEL", str(tmp_path))
    missing = spinbot_in(home, "draw", "a wall", "-o", tmp_path / "none.png")
    assert missing.returncode == 4
    assert "model_index.json" in missing.stderr


def test_who_is_deleted_is_gone_with_the_files_of_the_training(trained: tuple[Path, dict[str, Any]]) -> None:
    home, told = trained
    would = json.loads(spinbot_in(home, "profile", "delete", "ada", "--dry-run", "--json").stdout)
    look = told["look"]
    files = {look["artifact"], look["log"], *(version["kohya"] for version in look["versions"])}
    assert files <= set(would["artifacts"])
    assert len(would["jobs"]) >= 1


@pytest.mark.parametrize(
    ("arguments", "says", "remedy"),
    [
        (["--name", "bea"], "nothing is trained before the person has agreed", "--person"),
        (["--name", "bea", "--person", "Bea"], "names the person and the purpose", "--purpose"),
        (["--name", "bea", *CONSENT, "--set", "rang=3"], "rang=3", "rank"),
        (["--name", "bea", *CONSENT, "--set", "rank=0"], "rank: Input should be greater", "--help"),
        (["--name", "bea", *CONSENT, "--trigger", "a b"], "trigger", "--help"),
        (["--name", "B!", *CONSENT], "no name for a profile", "small letters"),
    ],
)
def test_what_is_wrong_is_said_before_any_model_is_loaded(
    home: Path, tmp_path: Path, arguments: list[str], says: str, remedy: str
) -> None:
    done = spinbot_in(home, "train", "look", photos(tmp_path / "photos", 3), *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert remedy in done.stderr
    assert "loaded" not in done.stderr


def test_too_few_pictures_end_the_job_with_a_remedy(home: Path, tmp_path: Path) -> None:
    done = spinbot_in(home, "train", "look", photos(tmp_path / "photos", 1), "--name", "bea", *CONSENT, *SETS)
    assert done.returncode == 2
    assert "1 picture is fit to learn from; 3 are the least" in done.stderr
    assert "give 10 to 30 different ones" in done.stderr
    assert "look" not in spinbot_in(home, "profile", "show", "bea").stdout


def test_a_training_that_is_killed_goes_on_and_ends_the_same(
    trained: tuple[Path, dict[str, Any]], home: Path, tmp_path: Path
) -> None:
    """The command is killed with all its processes after the samples of step 6; the look is that of `trained`."""
    folder = photos(tmp_path / "photos")
    slow = [*SETS, "--name", "ada", *CONSENT]
    command = [sys.executable, "-m", "spinbot.cli.main", "train", "look", str(folder), *slow]
    process = subprocess.Popen(
        command, env=environment(home), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "samples after step 6" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    with sqlite3.connect(home / "spinbot.db") as database:
        [(job,)] = database.execute("SELECT id FROM jobs")
    done = spinbot_in(home, "jobs", "resume", job)
    assert done.returncode == 0, done.stderr
    assert "goes on after step" in done.stderr
    shown = json.loads(spinbot_in(home, "profile", "show", "ada", "--json").stdout)
    assert [part["artifact"] for part in shown["parts"]] == [trained[1]["look"]["artifact"]]
    (whole, _), (figures, _) = told_live(trained[0]), told_live(home)
    assert figures == whole


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, models: Any) -> Any:
    home = tmp_path_factory.mktemp("served")
    (home / "models").symlink_to(models("starter-portraits").parent)
    hosts = {
        "vision": HostGroup(slots=["image", "face", "talking_head", "upscale"]),
        "training": HostGroup(slots=["lora_trainer", "voice_trainer", "speaker", "asr"]),
        "language": HostGroup(slots=["script"]),
        "speech": HostGroup(slots=["tts", "asr"]),
        "media": HostGroup(processes=2),
    }
    with running(LocalBackend(Settings(home=home, hosts=hosts))) as served:
        yield served


def test_a_program_trains_over_http(api: Api, tmp_path: Path) -> None:
    with api.client() as client:
        pictures = [
            {"artifact": upload(client, file), "name": file.name, "caption": "a wall"}
            for file in sorted(photos(tmp_path / "photos", 3).glob("*.png"))
        ]
        assert client.post("/v1/profiles", json={"name": "ada"}).status_code == 201
        body = {"look": {"pictures": pictures, "settings": SMALL}}
        refused = client.post("/v1/profiles/ada/train", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "consent_required")
        client.put("/v1/profiles/ada/consent", json={"person": "Ada", "purpose": "tests"})
        wrong = client.post("/v1/profiles/ada/train", json={"look": {"pictures": pictures, "settings": {"rank": 0}}})
        assert wrong.status_code == 422
        assert "rank" in wrong.text
        accepted = client.post("/v1/profiles/ada/train", json=body)
        assert accepted.status_code == 202, accepted.text
        job = ended(client, accepted.json()["id"])
        assert job["state"] == "succeeded", job["error"]
        parts = client.get("/v1/profiles/ada").json()["parts"]
        assert [(part["kind"], part["version"]) for part in parts] == [("look", 1)]
        learned = parts[0]["data"]
        assert learned["trigger"] == "ohwx"
        assert learned["samples"] == job["outputs"]["samples"]["artifact"]
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204  # the profile keeps its files
        for artifact in (learned["samples"], learned["curve"], learned["log"], learned["versions"][0]["kohya"]):
            assert client.get(f"/v1/artifacts/{artifact}").status_code == 200
        drawn = {"template": "picture", "params": {"prompt": "smiling", "width": 192, "height": 128}, "profile": "ada"}
        picture = ended(client, client.post("/v1/jobs", json=drawn).json()["id"])
        assert picture["state"] == "succeeded", picture["error"]
        events = client.get(f"/v1/jobs/{picture['id']}/events", headers={"Accept": "application/json"}).json()["events"]
        [small] = [event["data"] for event in events if event["kind"] == "node.preview"]
        assert (small["kind"], small["caption"], small["step"]) == ("image", "before it is enlarged", None)
        with Image.open(io.BytesIO(client.get(f"/v1/artifacts/{small['artifact']}").content)) as opened:
            assert opened.size == (128, 128)


@pytest.mark.timeout(600)
def test_one_graph_learns_a_look_and_a_voice_and_makes_the_first_video(api: Api, tmp_path: Path, models: Any) -> None:
    with api.client() as client:
        pictures = [
            {"artifact": upload(client, file), "name": file.name}
            for file in sorted(photos(tmp_path / "photos", 3).glob("*.png"))
        ]
        sound = upload(client, recording(tmp_path / "cleo.wav", models))
        assert client.post("/v1/profiles", json={"name": "cleo"}).status_code == 201
        client.put("/v1/profiles/cleo/consent", json={"person": "Cleo", "purpose": "tests"})
        body = {
            "profile": "cleo",
            "pictures": pictures,
            "recordings": [{"artifact": sound, "name": "cleo.wav"}],
            "script": "Hello, this is me.",
            "look_settings": SMALL,
            "voice_settings": {"max_train_steps": 1, "start": "stock:alpha"},
        }
        accepted = client.post("/api/train", json=body)
        assert accepted.status_code == 202, accepted.text
        job = ended(client, accepted.json()["jobId"])
        assert job["state"] == "succeeded", job["error"]
        parts = client.get("/v1/profiles/cleo").json()["parts"]
        assert [(part["kind"], part["version"]) for part in parts] == [("look", 1), ("voice", 1)]
        stamps = {(stamp["slot"], stamp["weights"]) for stamp in job["outputs"]["video"]["made_by"]}
        assert {(part["kind"], part["artifact"]) for part in parts} <= stamps
        again = {"template": "voice_over", "params": {"script": "It is still me."}, "profile": "cleo"}
        spoken = ended(client, client.post("/v1/jobs", json=again).json()["id"])
        assert spoken["state"] == "succeeded", spoken["error"]
        assert ("voice", parts[1]["artifact"]) in {
            (stamp["slot"], stamp["weights"]) for stamp in spoken["outputs"]["speech"]["made_by"]
        }


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), np.float32)


def upload(client: httpx.Client, file: Path) -> str:
    answer = client.post("/v1/uploads", files={"file": (file.name, file.read_bytes())})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["artifact"])


def person(*parts: Part) -> Profile:
    return Profile("1", "local", "ada", "", Consent("Ada", "tests", "root", time=0.0), 0.0, parts)


PORTRAIT, LOOK = Part("portrait", 1, "sha256:p", {}, 0.0), Part("look", 1, "sha256:l", {}, 0.0)


def test_who_plays_is_the_portrait_or_what_was_trained() -> None:
    topic = {"topic": "bees"}
    assert cast("talking_portrait", topic, person(PORTRAIT, LOOK))["portrait"] == "sha256:p"
    drawn = cast("talking_portrait", topic | {"look": "in red"}, person(PORTRAIT, LOOK))
    assert (drawn["lora"], "portrait" in drawn) == ("sha256:l", False)
    assert cast("talking_portrait", topic, person(LOOK))["lora"] == "sha256:l"
    assert cast("picture", {"prompt": "smiling"}, person(LOOK))["consent"] == (
        "Ada agreed to: tests; attested by root on 1970-01-01"
    )
    for template, params, parts, code in (
        ("talking_portrait", topic, (), "no_portrait"),
        ("talking_portrait", topic | {"look": "in red"}, (PORTRAIT,), "no_look"),
        ("picture", {"prompt": "smiling"}, (PORTRAIT,), "no_look"),
        ("talking_portrait", topic | {"portrait": "sha256:x"}, (LOOK,), "two_faces"),
        ("train_look", {"consent": "mine"}, (), "two_faces"),
    ):
        with pytest.raises(InputError) as caught:
            cast(template, params, person(*parts))
        assert caught.value.code == code
