"""What made a file, over the API: its Content Credentials, and the sidecar of a job."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from spinbot.media.credentials import ensure_identity, sign
from tests.api import SUM, Api, ended, serving, submit


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


def test_a_signed_picture_tells_what_made_it_and_a_changed_one_that_it_was_changed(client, tmp_path):
    plain, signed = tmp_path / "plain.png", tmp_path / "signed.png"
    Image.new("RGB", (64, 64), "teal").save(plain)
    sign(plain, signed, ensure_identity(tmp_path / "keys"), title="Teal", generator_version="0", models=["image/drawn"])

    def credentials(content: bytes) -> dict:
        artifact = client.post("/v1/uploads", files={"file": ("teal.png", content, "image/png")}).json()["artifact"]
        return client.get(f"/v1/artifacts/{artifact}/credentials").json()

    said = credentials(signed.read_bytes())
    assert (said["valid"], said["ai_generated"], said["title"]) == (True, True, "Teal")
    assert said["models"] == ["image/drawn"]
    assert credentials(plain.read_bytes())["has_manifest"] is False
    assert credentials(signed.read_bytes() + b"\0")["valid"] is False
    assert client.get(f"/v1/artifacts/sha256:{'0' * 64}/credentials").status_code == 404


def test_the_sidecar_of_a_job_has_its_graph_and_what_each_node_made(client):
    job = ended(client, submit(client, SUM))
    said = client.get(f"/v1/jobs/{job['id']}/sidecar").json()
    assert said["graph"]["nodes"].keys() == said["nodes"].keys() == {"a", "b", "sum"}
    assert said["nodes"]["sum"]["outputs"] == job["nodes"]["sum"]["outputs"]
    assert client.get("/v1/jobs/0123456789ab/sidecar").status_code == 404
