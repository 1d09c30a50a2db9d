"""Pictures from words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.image.base import ImageEngine
from spinbot.engines.upscale.base import UpscaleEngine
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.finish import signed
from spinbot.media.framing import Crop, compose
from spinbot.media.images import write_png


@node("draw_image", version=2, slots=("image", "upscale"))
class DrawImage(Node):
    """Make a picture of what the words say, of somebody whose look was trained if one is linked."""

    prompt: str = Field(min_length=1, max_length=1000, description="What the picture shows, in English")
    look: values.Look | None = None
    width: int = Field(default=1024, ge=64, le=2048, description="Pixels")
    height: int = Field(default=1024, ge=64, le=2048, description="Pixels")
    seed: int = Field(default=0, ge=0, description="Another seed gives another picture of the same words")

    class Outputs(Ports):
        """The picture."""

        image: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Draw, and enlarge where the engine's model makes less. Raises `InputError` for what cannot be drawn."""
        stamps = [values.Stamp(**context.stamp("image"))]
        lora = self._lora(context, stamps[0])
        with context.engine("image") as engine:
            picture = cast(ImageEngine, engine).draw(
                self._words(),
                width=self.width,
                height=self.height,
                seed=self.seed,
                progress=context.progress,
                look=lora,
            )
        for note in picture.notes:
            context.note(note)
        pixels = picture.pixels
        if pixels.shape[:2] != (self.height, self.width):
            context.preview(context.artifacts.put_bytes(write_png(pixels)), "before it is enlarged")
            pixels = self._enlarged(context, pixels)
            stamps.append(values.Stamp(**context.stamp("upscale")))
        if self.look is not None:
            stamps.append(values.Stamp(slot="look", engine=self.look.trigger, weights=self.look.artifact))
        artifact = context.artifacts.put_bytes(write_png(pixels))
        return self.Outputs(image=values.Image(artifact=artifact, width=self.width, height=self.height, made_by=stamps))

    def _words(self) -> str:
        """The prompt, in which the trigger word stands."""
        if self.look is None or self.look.trigger.lower() in self.prompt.lower().replace(",", " ").split():
            return self.prompt
        return f"{self.look.phrase}, {self.prompt}"

    def _lora(self, context: CallContext, stamp: values.Stamp) -> Path | None:
        if self.look is None:
            return None
        if stamp.weights != self.look.base:
            raise InputError(
                f"the look of {self.look.trigger} was trained on another model than {stamp.engine} paints with",
                hint="train it again with this model, or draw with the engine and model that it was trained on",
                code="other_base",
            )
        return context.artifacts.path(self.look.artifact)

    def _enlarged(self, context: CallContext, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Cut to the shape that is asked for, around the middle, and as large."""
        height, width = pixels.shape[:2]
        scale = max(self.width / width, self.height / height)
        wide, tall = self.width / scale, self.height / scale
        crop = Crop((width - wide) / 2, (height - tall) / 2, wide, tall)
        with context.engine("upscale") as engine:
            upscaler = cast(UpscaleEngine, engine)
            return compose(
                pixels,
                crop,
                (self.width, self.height),
                lambda image, times: upscaler.upscale(image, times, context.progress),
            )


@node("sign_image")
class SignImage(Node):
    """Put Content Credentials into a picture: which models made it."""

    image: values.Image
    title: str = Field(default="", max_length=200, description="Its title in the credentials")
    consent: str = Field(
        default="", max_length=1000, description="What the person shown agreed to, for the credentials"
    )

    class Outputs(Ports):
        """The same picture, signed."""

        image: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Sign a copy. Raises `StorageError` on a full disk."""
        plain = context.scratch / "plain.png"  # artifacts have no suffix, which tells the signer what the file is
        shutil.copyfile(context.artifacts.path(self.image.artifact), plain)
        update = signed(context, plain, title=self.title, stamps=self.image.made_by, consent=self.consent)
        return self.Outputs(image=self.image.model_copy(update=update))
