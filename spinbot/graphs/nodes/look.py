"""Looks: pictures of somebody become a LoRA, by which pictures of the same one are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.lora_trainer.base import Example, LookTrainer, Pixels
from spinbot.engines.lora_trainer.captions import learned
from spinbot.engines.lora_trainer.curve import write_curve, write_log
from spinbot.engines.lora_trainer.files import BASE, PHRASE, TRIGGER
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.dataset import GivenPicture
from spinbot.media.checkup import Checkup
from spinbot.media.images import read_portrait, write_png
from spinbot.store.artifacts import ArtifactId


@node("train_look", slots=("lora_trainer",))
class TrainLook(Node):
    """Learn how somebody looks from pictures. Goes on from its last checkpoint, wherever it was stopped."""

    checkup: values.PictureCheckup
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
        examples = [
            Example(read_portrait(context.artifacts.path(given.artifact)).pixels, given.caption)
            for given in self.pictures
            if given.name in used
        ]
        stamp = values.Stamp(**context.stamp("lora_trainer"))
        watch = _Watch(context)
        with context.engine("lora_trainer") as engine:
            trained = cast(LookTrainer, engine).train(
                examples, self.settings, context.scratch, watch, watch.left_off(), stamp.weights
            )
        scores = [(sampled["step"], sampled["score"]) for sampled in watch.sampled_at]
        log, curve = write_log(context.scratch, trained.losses, scores), context.scratch / "curve.png"
        write_curve(curve, trained.losses, scores)
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
            made_by=[stamp],
        )
        sheet = next(sampled["sheet"] for sampled in watch.sampled_at if sampled["step"] == trained.best.step)
        samples = values.image_of(sheet, context.artifacts.path(sheet))
        return self.Outputs(look=look, samples=samples, curve=values.image_of(context.artifacts.put_file(curve), curve))


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


def require_go(checkup: Checkup) -> None:
    """Raises `InputError` (`not_fit`) with what is wrong and its remedy, where nothing can be learned."""
    if checkup.go:
        return
    stops = [finding for finding in checkup.findings if finding.level == "stop"]
    raise InputError(
        "; ".join(finding.message for finding in stops),
        hint="; ".join(finding.remedy for finding in stops),
        code="not_fit",
        details=[finding.model_dump() for finding in checkup.findings],
    )


class _Watch:
    """See `Watch`: files become artifacts; checkpoints, and what was sampled so far, become the node's own."""

    def __init__(self, context: CallContext) -> None:
        self._context = context
        self._saved = context.checkpoint or {}
        self.sampled_at: list[dict[str, Any]] = []
        self.progress = context.progress

    def left_off(self) -> Path | None:
        """The checkpoint of an earlier attempt."""
        artifact = self._saved.get("checkpoint")
        if artifact is None or artifact not in self._context.artifacts:
            return None
        self.sampled_at = list(self._saved["sampled"])
        self._context.note(f"goes on after step {self._saved['step']}")
        return self._context.artifacts.path(artifact)

    def keep(self, file: Path) -> str:
        """See `Watch.keep`."""
        return self._context.artifacts.put_file(file)

    def checkpoint(self, file: Path, step: int) -> None:
        """See `Watch.checkpoint`."""
        self._context.save({"checkpoint": self.keep(file), "step": step, "sampled": self.sampled_at})

    def sampled(self, step: int, score: float, pictures: Sequence[Pixels]) -> None:
        """See `Watch.sampled`."""
        sheet = self._context.artifacts.put_bytes(write_png(np.concatenate(pictures, axis=1)))
        self.sampled_at = [*self.sampled_at, {"step": step, "score": round(score, 4), "sheet": sheet}]
        self._context.note(f"samples after step {step}: likeness {score:.2f}")
