"""Whether what is given to learn from is fit for it."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from spinbot.actors.host import CallContext
from spinbot.engines.asr.base import AsrEngine
from spinbot.engines.face.base import FaceBox, FaceEngine
from spinbot.engines.speaker.base import SpeakerEncoder
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.media.audio import read_audio
from spinbot.media.checkup import Finding
from spinbot.media.clips import cut, whole
from spinbot.media.denoise import denoise
from spinbot.media.images import read_portrait
from spinbot.media.photo import blur, fingerprint, light
from spinbot.media.picture_set import Seen, examine
from spinbot.media.voice_set import LISTENED_S, SHORT_S, Heard, too_long
from spinbot.media.voice_set import examine as examine_voice
from spinbot.store.artifacts import ArtifactId

MARGIN = 0.2
"""Of the face's box on each side: sharpness is in the hair and the chin, too."""


class GivenPicture(BaseModel):
    """A picture to learn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    artifact: ArtifactId = Field(description="The picture, as it was uploaded")
    name: str = Field(min_length=1, max_length=200, description="What findings call it")
    caption: str = Field(default="", max_length=2000, description="What it shows")


@node("check_pictures", version=2, slots=("face",))
class CheckPictures(Node):
    """Look through pictures of a person: blur, light, size, faces, duplicates; and whether a look can be learned."""

    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000)
    side: int = Field(default=512, ge=64, le=2048, description="Pixels of the pictures that are to be learned")
    auto_caption: bool = Field(default=False, description="Missing captions will be written: then they are no finding")

    class Outputs(Ports):
        """What is to be thought of them."""

        checkup: values.PictureCheckup

    def run(self, context: CallContext) -> Outputs:
        """Look at one after the other. A picture that cannot be read is a finding, not an error."""
        seen: list[Seen] = []
        unreadable: list[Finding] = []
        with context.engine("face") as engine:
            for number, given in enumerate(self.pictures):
                context.progress(number / len(self.pictures), f"{given.name}, {number + 1} of {len(self.pictures)}")
                try:
                    pixels = read_portrait(context.artifacts.path(given.artifact)).pixels
                except InputError as error:
                    unreadable.append(unusable(given.name, error))
                    continue
                seen.append(_look(given, pixels, cast(FaceEngine, engine).detect(pixels)))
        checkup = examine(seen, unreadable=unreadable, side=self.side, captioned=self.auto_caption)
        return self.Outputs(checkup=values.PictureCheckup(checkup=checkup))


class GivenRecording(BaseModel):
    """A recording to learn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    artifact: ArtifactId = Field(description="Any file with sound, as it was uploaded")
    name: str = Field(min_length=1, max_length=200, description="What findings call it")
    text: str = Field(default="", max_length=20_000, description="What is said in it, where somebody wrote it down")


@node("check_recordings", version=3, slots=("asr", "speaker"))
class CheckRecordings(Node):
    """Cut recordings of a person into clips, write down what is said, and judge whether a voice can be learned."""

    recordings: list[GivenRecording] = Field(min_length=1, max_length=5000)

    class Outputs(Ports):
        """What is to be thought of them, and the clips."""

        checkup: values.VoiceCheckup

    def run(self, context: CallContext) -> Outputs:
        """Listen to one after the other, up to `LISTENED_S`. A file without sound is a finding, not an error."""
        heard: list[Heard] = []
        sources: list[str] = []
        unreadable: list[Finding] = []
        left = LISTENED_S
        with context.engine("asr") as engine, context.engine("speaker") as encoder:
            for number, given in enumerate(self.recordings):
                if left < SHORT_S:
                    count, most = len(self.recordings), LISTENED_S / 60
                    message = f"the last {count - number} of {count} were not listened to, beyond {most:.0f} minutes"
                    unreadable.append(too_long("", message))
                    break
                before = number / len(self.recordings)
                context.progress(before, f"{given.name}, {number + 1} of {len(self.recordings)}")
                try:
                    samples, rate = read_audio(context.artifacts.path(given.artifact), left)
                except InputError as error:
                    unreadable.append(unusable(given.name, error))
                    continue
                if len(samples) >= int(left * rate):
                    unreadable.append(too_long(given.name, f"its first {left / 60:.0f} minutes were listened to"))
                left -= len(samples) / rate
                # One that comes with its text is a clip already: cut, nobody would know which words are where.
                clips = [whole(samples, rate)] if given.text else cut(samples, rate)
                if not any(clips):
                    unreadable.append(silent(given.name))
                # Noise and clipping are measured as they were recorded; the rest is judged as it will be learned.
                samples = denoise(samples, rate)
                for place, clip in enumerate(filter(None, clips)):
                    share = before + place / len(clips) / len(self.recordings)
                    context.progress(share, f"{given.name}, {clip.start:.0f} s")
                    sound = samples[round(clip.start * rate) : round(clip.end * rate)]
                    recogniser = cast(AsrEngine, engine)
                    said = recogniser.transcribe(sound, rate, lambda *_: None)
                    name = given.name if given.text else f"{given.name} {clip.start:.1f}-{clip.end:.1f} s"
                    voice = _voice(cast(SpeakerEncoder, encoder), sound, rate)
                    languages = recogniser.languages(sound, rate)
                    words = said.text.strip()
                    heard.append(Heard(name, clip, words, given.text, voice, said.doubtful, languages))
                    sources.append(given.artifact)
        checkup = examine_voice(heard, unreadable=unreadable)
        used = set(checkup.used)
        clips_used = [
            values.VoiceClip(artifact=source, start=one.clip.start, end=one.clip.end, text=one.given or one.text)
            for one, source in zip(heard, sources, strict=True)
            if one.name in used
        ]
        return self.Outputs(checkup=values.VoiceCheckup(checkup=checkup, clips=clips_used))


def silent(name: str) -> Finding:
    """The finding about a recording in which nobody speaks."""
    remedy = "give a recording in which the person speaks"
    return Finding(level="left_out", code="silent", name=name, message="there is nothing to hear in it", remedy=remedy)


def unusable(name: str, error: InputError) -> Finding:
    """The finding about a file that cannot be read."""
    return Finding(level="left_out", code=error.code, name=name, message=error.message, remedy=error.hint)


def _voice(encoder: SpeakerEncoder, sound: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32] | None:
    try:
        return encoder.embed(sound, rate)
    except InputError:  # nobody speaks: the words tell that, too
        return None


def _look(given: GivenPicture, pixels: npt.NDArray[np.uint8], faces: list[FaceBox]) -> Seen:
    height, width = pixels.shape[:2]
    shown = _around(pixels, faces[0]) if faces else pixels
    return Seen(
        name=given.name,
        width=width,
        height=height,
        faces=[face.width for face in faces],
        blur=blur(shown),
        light=light(shown),
        fingerprint=fingerprint(pixels),
        caption=given.caption,
    )


def _around(pixels: npt.NDArray[np.uint8], face: FaceBox) -> npt.NDArray[np.uint8]:
    """The face with a margin, as far as the picture goes."""
    across, down = MARGIN * face.width, MARGIN * face.height
    top, left = max(0, round(face.y - down)), max(0, round(face.x - across))
    return pixels[top : round(face.y + face.height + down), left : round(face.x + face.width + across)]
