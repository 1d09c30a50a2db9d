"""The official `openai` package, as it is, against the service."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Iterator

import httpx
import numpy as np
import openai
import pytest
from openai import OpenAI
from PIL import Image

from spinbot.config import Settings, starter_hosts
from spinbot.media.credentials import read
from spinbot.media.probe import probe
from spinbot.models.catalogue import load_catalogue
from spinbot.serve.backend import LocalBackend
from tests.api import PORTRAIT, TALKERS, Api, running, serving
from tests.toy_speech import SPEAKER, WRITER

# The package warns of its own service's end, not of ours.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), TALKERS) as running_api:
        yield running_api


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{api.url}/v1", api_key="unused", max_retries=0, timeout=120) as opened:
        yield opened


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_chat_completion(client):
    answer = client.chat.completions.create(model=WRITER, messages=ask("one two three"), temperature=0)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two three", "stop")
    assert (answer.usage.completion_tokens, answer.object) == (3, "chat.completion")


def test_a_chat_completion_that_is_cut_off_says_so(client):
    answer = client.chat.completions.create(model=WRITER, messages=ask("one two three"), max_completion_tokens=2)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two", "length")


def test_a_streamed_chat_completion_comes_in_pieces(client):
    chunks = list(
        client.chat.completions.create(
            model=WRITER, messages=ask("again"), max_tokens=60, stream=True, stream_options={"include_usage": True}
        )
    )
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(texts) > 1
    assert "".join(texts) == " ".join(["again"] * 60)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].usage.completion_tokens == 60


def test_an_answer_from_the_cache_is_streamed_too(client):
    for _ in range(2):
        chunks = client.chat.completions.create(model=WRITER, messages=ask("the same"), seed=5, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "the same"


@pytest.mark.parametrize(
    ("fault", "param"),
    [
        ({"messages": []}, "messages"),
        ({"n": 2}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"tools": []}, "tools"),
        ({"presence_penalty": 1}, "presence_penalty"),
    ],
)
def test_what_the_model_cannot_do_is_refused_by_name(client, fault, param):
    request = {"model": WRITER, "messages": ask("x")} | fault
    with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError)) as refused:
        client.chat.completions.create(**request)
    assert refused.value.body["param"] == param


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-9", messages=ask("x"))
    assert refused.value.body["code"] == "model_not_found"


def test_speech_is_a_wave_file_of_the_text(client):
    speech = client.audio.speech.create(model=SPEAKER, voice="toy:high", input="One two three.", response_format="wav")
    with wave.open(io.BytesIO(speech.content)) as wav:
        assert wav.getnframes() / wav.getframerate() == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(
    ("form", "start"), [("mp3", b"ID3"), ("opus", b"OggS"), ("flac", b"fLaC"), ("aac", b"\xff\xf1"), ("pcm", b"")]
)
def test_speech_comes_in_the_format_that_is_asked_for(client, form, start):
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="One two three.", response_format=form, speed=2.0
    ) as answer:
        content = b"".join(answer.iter_bytes())
    assert content.startswith(start)
    if form == "pcm":
        assert len(content) == pytest.approx(0.3 * 24_000 * 2, rel=0.05)


@pytest.mark.parametrize(
    ("fault", "param"), [({"speed": 3}, "speed"), ({"speed": 9}, "speed"), ({"voice": "nobody"}, "voice")]
)
def test_speech_that_cannot_be_spoken_is_refused(client, fault, param):
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.audio.speech.create(**({"model": "tts-1", "voice": "alloy", "input": "Hello."} | fault))
    assert refused.value.body["param"] == param


def test_a_text_that_nobody_can_speak_is_refused(client):
    with pytest.raises(openai.UnprocessableEntityError):
        client.audio.speech.create(model="tts-1", voice="alloy", input="...")


def test_every_name_of_a_voice_leads_to_one(api):
    with api.client() as plain:
        voices = plain.get("/v1/audio/voices").json()["data"]
    assert voices[0]["id"] == "toy:low"
    assert "alloy" in voices[0]["aliases"]


def test_models_are_listed_with_what_is_ours(client):
    models = {model.id: model for model in client.models.list()}
    assert set(models) == {entry.name for entry in load_catalogue().models}
    kokoro = client.models.retrieve("kokoro-82m-int8")
    assert (kokoro.object, kokoro.slot, kokoro.licence) == ("model", "tts", "Apache-2.0")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing")


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_images_are_drawn_and_carry_credentials(client, tmp_path):
    made = client.images.generate(prompt="a chef in front of a teal wall", model="gpt-image-1", n=2, size="256x320")
    pictures = [base64.b64decode(image.b64_json) for image in made.data]
    assert [pixels(data).shape for data in pictures] == [(320, 256, 3)] * 2
    assert pictures[0] != pictures[1]
    red, green, _ = pixels(pictures[0])[5, 5]
    assert green > red + 60
    (tmp_path / "chef.png").write_bytes(pictures[0])
    credentials = read(tmp_path / "chef.png")
    assert (credentials.valid, credentials.ai_generated, credentials.models) == (True, True, ("image/drawn",))


def test_a_seed_gives_the_same_image_again_and_an_url_leads_to_it(client, api):
    asked = {"prompt": "a lady", "size": "64x64", "extra_body": {"seed": 5}}
    (first,), (again,) = (client.images.generate(**asked, response_format="url").data for _ in range(2))
    assert first.url.startswith(f"{api.url}/v1/artifacts/sha256:")
    shown, repeated = (httpx.get(image.url).content for image in (first, again))
    assert np.array_equal(pixels(shown), pixels(repeated))


@pytest.mark.parametrize(
    "fault", [{"size": "9x9"}, {"size": "large"}, {"n": 11}, {"prompt": ""}, {"output_format": "webp"}]
)
def test_an_image_that_cannot_be_made_is_refused(client, fault):
    with pytest.raises(openai.UnprocessableEntityError):
        client.images.generate(**({"prompt": "a chef", "size": "64x64"} | fault))


def test_an_image_model_that_is_not_there_is_named_with_those_that_are(client):
    with pytest.raises(openai.NotFoundError, match="drawn"):
        client.images.generate(prompt="a chef", model="flux")


@pytest.mark.parametrize("fault", [{"seconds": "200"}, {"size": "big"}, {"prompt": ""}, {"model": "sora-2"}])
def test_a_video_that_cannot_be_made_is_refused(client, fault):
    with pytest.raises(openai.UnprocessableEntityError):
        client.videos.create(**({"prompt": "bees"} | fault))


@pytest.mark.models
def test_speech_chat_and_video_by_the_real_models(tmp_path, models):
    home = models("smollm2-135m-instruct").parent.parent
    (tmp_path / "models").symlink_to(home / "models")
    backend = LocalBackend(Settings(home=tmp_path, hosts=starter_hosts()))
    with (
        running(backend) as api,
        OpenAI(base_url=f"{api.url}/v1", api_key="unused", max_retries=0, timeout=250) as real,
    ):
        answer = real.chat.completions.create(
            model="smollm2", messages=ask("What is the capital of France?"), temperature=0, max_tokens=24
        )
        assert "Paris" in answer.choices[0].message.content
        speech = real.audio.speech.create(model="kokoro", voice="alloy", input="Hello from the service.")
        (tmp_path / "speech.mp3").write_bytes(speech.content)
        assert 1 < probe(tmp_path / "speech.mp3").audio_seconds < 4
        video = real.videos.create(prompt="how bees make honey", seconds="4", size="512x512", input_reference=PORTRAIT)
        assert video.status in {"queued", "in_progress"}
        assert (video.size, video.seconds) == ("512x512", "4")
        video = real.videos.poll(video.id, poll_interval_ms=500)
        assert (video.status, video.progress) == ("completed", 100), video.error
        real.videos.download_content(video.id).write_to_file(tmp_path / "video.mp4")
        found = probe(tmp_path / "video.mp4")
        assert (found.width, found.height, found.video_codec) == (512, 512, "h264")
        assert [listed.id for listed in real.videos.list()] == [video.id]
        assert real.videos.delete(video.id).deleted
