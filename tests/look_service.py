"""A service that learns looks on a random text-to-image model of no size: a training takes a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from spinbot.config import HostGroup, Settings
from spinbot.serve.backend import LocalBackend
from tests.api import Api, ended, running

QUICK = {
    "max_train_steps": 2,
    "batch_size": 2,
    "prior_pictures": 1,
    "sample_prompts": ["[trigger]"],
    "sample_every_n_steps": 0,
    "resolution": 64,
}
SETS = [part for name, value in QUICK.items() for part in ("--set", f"{name}={json.dumps(value)}")]


@contextmanager
def learning(home: Path, models: Callable[[str], Path], image_model: Path, **settings: Any) -> Iterator[Api]:
    """The service over a home, until the block ends."""
    home.mkdir(exist_ok=True)
    if not (home / "models").exists():
        (home / "models").symlink_to(models("mediapipe-face").parent)
    hosts = {
        "vision": HostGroup(slots=["face"], threads=1),
        "training": HostGroup(slots=["lora_trainer", "captioner"], threads=1),  # two wait for each other, spinning
        "media": HostGroup(),
    }
    backend = LocalBackend(Settings(home=home, hosts=hosts, image_model=image_model, **settings))
    with running(backend) as api:
        yield api


def uploaded(client: httpx.Client, folder: Path) -> list[dict[str, str]]:
    """All pictures of a folder, as a training wants them."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    found = []
    for file in files:
        answer = client.post("/v1/uploads", files={"file": (file.name, file.read_bytes())})
        assert answer.status_code == 201, answer.text
        found.append({"artifact": answer.json()["artifact"], "name": file.name})
    return found


def agreed(client: httpx.Client, name: str = "ada") -> None:
    """A profile with a consent."""
    assert client.post("/v1/profiles", json={"name": name}).status_code == 201
    consent = client.put(f"/v1/profiles/{name}/consent", json={"person": "Ada", "purpose": "tests"})
    assert consent.status_code == 200, consent.text


def trained(client: httpx.Client, pictures: list[dict[str, str]], name: str = "ada", **more: Any) -> dict[str, Any]:
    """The training's job, once it has ended; `more` are parts of the look's request."""
    body = {"look": {"pictures": pictures, "settings": QUICK} | more}
    accepted = client.post(f"/v1/profiles/{name}/train", json=body)
    assert accepted.status_code == 202, accepted.text
    return ended(client, accepted.json()["id"])


def looks(client: httpx.Client, name: str = "ada") -> list[tuple[int, str]]:
    """Number and artifact of each version, the newest first; all of them can be downloaded."""
    parts = client.get(f"/v1/profiles/{name}").json()["parts"]
    for part in parts:
        assert client.get(f"/v1/artifacts/{part['artifact']}").status_code == 200
    return [(part["version"], part["artifact"]) for part in parts if part["kind"] == "look"]
