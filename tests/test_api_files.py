"""Uploads and artifacts: the content decides, ranges are exact, and nobody sees what is not theirs."""

from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.api import PORTRAIT, Api, ended, serving, submit


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), api={"upload_mb": 2}) as running:
        yield running


@pytest.fixture
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


def tone(seconds: float = 0.5, rate: int = 8000) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        samples = (int(9000 * math.sin(n / 6)) for n in range(int(seconds * rate)))
        wav.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def upload(client: httpx.Client, content: bytes, name: str = "file.bin", kind: str = "image/png") -> httpx.Response:
    return client.post("/v1/uploads", files={"file": (name, content, kind)})


@pytest.fixture
def portrait(client: httpx.Client) -> str:
    return str(upload(client, PORTRAIT.read_bytes()).json()["artifact"])


def test_a_picture_is_known_by_its_content_whatever_it_is_called(client):
    answer = upload(client, PORTRAIT.read_bytes(), "voice.mp3", "audio/mpeg")
    assert answer.status_code == 201
    found = answer.json()
    assert (found["kind"], found["mime"], found["name"]) == ("image", "image/png", "voice.mp3")
    assert found["facts"]["width"] == found["facts"]["height"] > 500
    assert answer.headers["Location"] == f"/v1/artifacts/{found['artifact']}"
    assert client.get(answer.headers["Location"]).content == PORTRAIT.read_bytes()


def test_a_recording_is_known_by_its_content_too(client):
    found = upload(client, tone(), "me.png", "image/png").json()
    assert (found["kind"], found["mime"], found["facts"]) == ("audio", "audio/wav", {"seconds": 0.5})


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "unsupported_file"),
        (b"hello, I am a picture", 415, "unsupported_file"),
        (b"<html><script>alert(1)</script></html>", 415, "unsupported_file"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", 415, "unsupported_file"),
        (b"\x7fELF" + b"\0" * 2000, 415, "unsupported_file"),
        (PORTRAIT.read_bytes()[:5000], 422, "picture_damaged"),
    ],
)
def test_what_is_no_picture_or_sound_is_refused_under_any_name(client, content, status, code):
    answer = upload(client, content, "me.png", "image/png")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_upload_beyond_the_limit_is_refused_whether_its_size_is_told_or_not(api, client):
    assert upload(client, b"\0" * 3_000_000).json()["code"] == "upload_too_large"
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    pieces = iter([body, *[b"\0" * 100_000] * 30, b"\r\n--x--\r\n"])
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/uploads", content=pieces, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")
    assert not list(api.backend.settings.artifacts_dir.glob(".upload-*"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc', "; boundary=x"),
        (b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nabc\r\n--x--\r\n', "; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n", "; boundary=x"),
        (b"no form at all", "; boundary=x"),
        (b"--x--\r\n", ""),
    ],
)
def test_a_form_that_is_none_is_refused(client, body, kind):
    answer = client.post("/v1/uploads", content=body, headers={"Content-Type": f"multipart/form-data{kind}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_form")


def test_a_file_name_is_never_a_path(api, client):
    name = "../../../../etc/passwd"
    found = upload(client, PORTRAIT.read_bytes(), name).json()
    assert found["name"] == name
    assert api.backend.artifacts.path(found["artifact"]).parent.parent == api.backend.settings.artifacts_dir


def test_uploads_are_listed_with_the_newest_first(client):
    found = upload(client, tone(0.3)).json()
    assert client.get("/v1/uploads").json()["data"][0]["artifact"] == found["artifact"]


@pytest.mark.parametrize(
    ("wanted", "start", "stop"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None)]
)
def test_a_part_of_a_file_is_exactly_that_part(client, portrait, wanted, start, stop):
    whole = PORTRAIT.read_bytes()
    answer = client.get(f"/v1/artifacts/{portrait}", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, whole[start:stop])
    first = start % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=9-3", "lines=1-2", "bytes=a-b"])
def test_a_range_that_is_not_understood_is_answered_with_the_whole_file(client, portrait, wanted):
    answer = client.get(f"/v1/artifacts/{portrait}", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, PORTRAIT.read_bytes())


def test_a_range_beyond_the_file_is_refused_with_its_size(client, portrait):
    size = len(PORTRAIT.read_bytes())
    answer = client.get(f"/v1/artifacts/{portrait}", headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert answer.json()["code"] == "bad_range"


def test_a_file_that_changed_meanwhile_would_be_sent_whole(client, portrait):
    etag = client.head(f"/v1/artifacts/{portrait}").headers["ETag"]
    same = client.get(f"/v1/artifacts/{portrait}", headers={"Range": "bytes=0-0", "If-Range": etag})
    other = client.get(f"/v1/artifacts/{portrait}", headers={"Range": "bytes=0-0", "If-Range": '"x"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_the_head_of_a_file_tells_size_type_and_etag_and_a_known_file_is_not_sent(client, portrait):
    head = client.head(f"/v1/artifacts/{portrait}")
    assert head.headers["Content-Length"] == str(len(PORTRAIT.read_bytes()))
    assert (head.headers["Content-Type"], head.headers["Accept-Ranges"]) == ("image/png", "bytes")
    known = client.get(f"/v1/artifacts/{portrait}", headers={"If-None-Match": head.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_a_file_is_offered_for_saving_under_the_name_that_is_wanted(client, portrait):
    answer = client.get(f"/v1/artifacts/{portrait}", params={"download": 'Anna\r\n"é".png'})
    named = quote('Anna"é".png', safe="")
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{named}"


def test_a_file_is_never_served_as_a_page_that_a_browser_would_run(client):
    graph = {
        "nodes": {"page": {"type": "toy_file", "params": {"content": "<html><script>alert(1)</script>"}}},
        "outputs": {"page": {"node": "page", "output": "text"}},
    }
    artifact = ended(client, submit(client, graph))["outputs"]["page"]["text"]
    answer = client.get(f"/v1/artifacts/{artifact}")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "sha256:" + "0" * 64,
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "sha256:..%2F..%2Fspinbot.db",
        "sha256%3A" + "A" * 64,
        "....%5C....%5Cboot.ini",
    ],
)
def test_no_path_leads_out_of_the_store(client, name):
    answer = client.get(f"/v1/artifacts/{name}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_the_portraits_that_come_with_spinbot_are_everybodys(client):
    stock = client.get("/v1/capabilities").json()["portraits"][0]["artifact"]
    assert client.get(f"/v1/artifacts/{stock}").headers["Content-Type"] == "image/png"
