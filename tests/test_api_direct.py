"""Files that go straight to and from the bucket, over HTTP against a real S3 server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest

from spinbot.config import Settings
from spinbot.serve.backend import LocalBackend
from tests.api import PORTRAIT, Api, running, serving
from tests.s3 import S3Server

PICTURE = PORTRAIT.read_bytes()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    server = S3Server()
    server.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in server.environment().items():
                patch.setenv(name, value)
            home = tmp_path_factory.mktemp("home")
            with running(LocalBackend(Settings(home=home, artifacts_url=server.bucket("direct")))) as api:
                yield api
    finally:
        server.stop()


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


def begun(client: httpx.Client, size: int) -> dict:
    answer = client.post("/v1/uploads/direct", json={"bytes": size})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_picture_goes_to_the_bucket_and_comes_from_it(client):
    place = begun(client, len(PICTURE))
    assert (len(place["urls"]), place["parts"]) == (1, None)
    httpx.put(place["urls"][0], content=PICTURE).raise_for_status()
    answer = client.post(f"/v1/uploads/direct/{place['upload']}", json={"name": "me.png"})
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert found["artifact"] == f"sha256:{hashlib.sha256(PICTURE).hexdigest()}"
    assert (found["kind"], found["mime"], found["name"]) == ("image", "image/png", "me.png")
    path = f"/v1/artifacts/{found['artifact']}"
    redirect = client.get(path, params={"direct": True, "download": "me.png"})
    assert redirect.status_code == 307
    fetched = httpx.get(redirect.headers["Location"])
    assert fetched.content == PICTURE
    assert fetched.headers["Content-Type"] == "image/png"
    assert "me.png" in fetched.headers["Content-Disposition"]
    assert client.get(path).content == PICTURE


def test_a_large_file_goes_in_parts(client):
    sound = b"RIFF" + (20_000_036).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    sound += (1).to_bytes(2, "little") * 2 + (24000).to_bytes(4, "little") + (48000).to_bytes(4, "little")
    sound += (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + (20_000_000).to_bytes(4, "little")
    sound += bytes(20_000_000)
    place = begun(client, len(sound))
    assert len(place["urls"]) == 3
    for number, url in enumerate(place["urls"]):
        part = sound[number * place["part_bytes"] :][: place["part_bytes"]]
        httpx.put(url, content=part, timeout=60).raise_for_status()
    answer = client.post(f"/v1/uploads/direct/{place['upload']}", json={"parts": place["parts"]})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["kind"], answer.json()["bytes"]) == ("audio", len(sound))


def test_what_was_sent_is_looked_at_like_any_upload(client):
    place = begun(client, 4)
    httpx.put(place["urls"][0], content=b"text").raise_for_status()
    answer = client.post(f"/v1/uploads/direct/{place['upload']}", json={"name": "me.png"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_file")


def test_what_is_too_large_or_was_never_sent_is_refused(client):
    assert client.post("/v1/uploads/direct", json={"bytes": 10**12}).json()["code"] == "upload_too_large"
    assert client.post("/v1/uploads/direct", json={"bytes": 0}).status_code == 422
    place = begun(client, 100)
    for upload in (place["upload"], "0" * 32, "..%2f..", "x"):
        assert client.post(f"/v1/uploads/direct/{upload}", json={}).status_code == 404
    assert client.get(f"/v1/artifacts/sha256:{'0' * 64}", params={"direct": True}).status_code == 404


def test_without_a_bucket_files_come_through_the_api(tmp_path):
    with serving(tmp_path) as api, api.client() as client:
        answer = client.post("/v1/uploads/direct", json={"bytes": 10})
        assert (answer.status_code, answer.json()["code"]) == (501, "no_bucket")
        artifact = client.post("/v1/uploads", files={"file": PICTURE}).json()["artifact"]
        assert client.get(f"/v1/artifacts/{artifact}", params={"direct": True}).content == PICTURE
