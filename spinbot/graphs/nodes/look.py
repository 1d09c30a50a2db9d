"""Looks: pictures of somebody become a LoRA, by which pictures of the same one are drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.curve import write_curve, write_log
from spinbot.engines.lora_trainer.base import Example, LookTrainer, Pixels
from spinbot.engines.lora_trainer.captions import learned
from spinbot.engines.lora_trainer.files import BASE, PHRASE, TRIGGER
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.dataset import GivenPicture
from spinbot.graphs.nodes.training import Course, require_go, stored_image
from spinbot.media.images import read_portrait, write_png
from spinbot.store.artifacts import ArtifactId


@node("train_look", version=2, slots=("lora_trainer",))
class TrainLook(Node):
    """Learn how somebody looks from pictures. Goes on from its last checkpoint, wherever it was stopped."""

    checkup: values.PictureCheckup
    captions: values.PictureCaptions | None = None
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="As they were checked")
    settings: LookSettings = LookSettings()
    consent: str = Field(min_length=1, max_length=1000, description="What the person shown agreed to")

    class Outputs(Ports):
        """The look, samples of the best version side by side, and the course of the loss."""

        look: values.Look
        samples: values.Image
        curve: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Train. Raises `InputError` (`not_fit`) where the checkup found that nothing can be learned."""
        require_go(self.checkup.checkup)
        used = set(self.checkup.checkup.used)
        pictures = [given for given in self.pictures if given.name in used]
        captions = self._captions(pictures)
        examples = [
            Example(partial(_read, context, given.artifact), caption)
            for given, caption in zip(pictures, captions, strict=True)
        ]
        stamp = values.Stamp(**context.stamp("lora_trainer"))
        course = _Look(context)
        with context.engine("lora_trainer") as engine:
            trained = cast(LookTrainer, engine).train(
                examples, self.settings, context.scratch, course, course.left_off(), stamp.weights
            )
        scores = [(one["step"], one["score"]) for one in course.samples]
        log, curve = write_log(context.scratch, trained.losses, scores), context.scratch / "curve.png"
        write_curve(curve, trained.losses, scores, "likeness of samples")
        course_shown = stored_image(context, curve)
        sheet = next(one["sheet"] for one in course.samples if one["step"] == trained.best.step)
        samples = stored_image(context, context.artifacts.path(sheet))
        look = values.Look(
            artifact=trained.best.diffusers,
            trigger=self.settings.trigger,
            phrase=learned("", self.settings),
            base=stamp.weights,
            versions=[
                values.LookVersion(artifact=one.diffusers, kohya=one.kohya, step=one.step, score=one.score)
                for one in trained.kept
            ],
            stopped_at=trained.stopped_at,
            log=context.artifacts.put_file(log),
            samples=samples.artifact,
            curve=course_shown.artifact,
            captions=context.artifacts.put_bytes(self._record(pictures, captions)),
            made_by=values.unique_stamps([*(self.captions.made_by if self.captions else []), stamp]),
        )
        return self.Outputs(look=look, samples=samples, curve=course_shown)

    def _captions(self, pictures: Sequence[GivenPicture]) -> list[str]:
        """What was said of each picture, by whoever gave it or else by the captioner; empty where nobody did."""
        written = {one.artifact: one.text for one in self.captions.captions} if self.captions else {}
        return [given.caption.strip() or written.get(given.artifact, "") for given in pictures]

    def _record(self, pictures: Sequence[GivenPicture], captions: Sequence[str]) -> bytes:
        """The captions as they are learned, in the layout of Hugging Face's image folders."""
        lines = [
            json.dumps({"file_name": given.name, "text": learned(caption, self.settings)}, ensure_ascii=False)
            for given, caption in zip(pictures, captions, strict=True)
        ]
        return "".join(f"{line}\n" for line in lines).encode()


def _read(context: CallContext, artifact: str) -> Pixels:
    return read_portrait(context.artifacts.path(artifact)).pixels


@node("load_look")
class LoadLook(Node):
    """Bring a trained look into the graph: a LoRA of diffusers' layout."""

    artifact: ArtifactId = Field(description="The safetensors file")

    class Outputs(Ports):
        """The look."""

        look: values.Look

    def run(self, context: CallContext) -> Outputs:
        """Read the header. Raises `InputError` (`no_look`) for a file that spinbot has not trained."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(context.artifacts.path(self.artifact), "np") as opened:
                header = opened.metadata() or {}
            told = {"base": header[BASE], "trigger": header[TRIGGER], "phrase": header[PHRASE]}
        except (SafetensorError, KeyError) as error:
            raise InputError(
                "that file is no look that spinbot has trained",
                hint="train one: spinbot train look photos/ --name ada",
                code="no_look",
            ) from error
        return self.Outputs(look=values.Look(artifact=self.artifact, **told))


class _Look(Course):
    """See `Watch`: what was sampled so far becomes part of the node's checkpoint."""

    def __init__(self, context: CallContext) -> None:
        super().__init__(context)
        self.samples: list[dict[str, Any]] = []
        """Of each evaluation: step, score and the artifact of the pictures side by side."""

    def sampled(self, step: int, score: float, pictures: Sequence[Pixels]) -> None:
        """See `Watch.sampled`."""
        sheet = self.context.artifacts.put_bytes(write_png(np.concatenate(pictures, axis=1)))
        self.samples.append({"step": step, "score": round(score, 4), "sheet": sheet})
        self.context.preview(sheet, f"samples after step {step}: likeness {score:.2f}", step=step)
        self.figures(step, {"likeness": round(score, 4)})
        self.context.note(f"samples after step {step}: likeness {score:.2f}")

    def besides(self) -> dict[str, Any]:
        """See `Course.besides`."""
        return {"samples": list(self.samples)}

    def resume(self, saved: dict[str, Any]) -> None:
        """See `Course.resume`."""
        self.samples = list(saved["samples"])
