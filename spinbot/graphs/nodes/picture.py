"""Pictures from words."""

from __future__ import annotations

import shutil
from typing import cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.image.base import ImageEngine
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.finish import signed
from spinbot.media.images import write_png


@node("draw_image", slots=("image",))
class DrawImage(Node):
    """Make a picture of what the words say."""

    prompt: str = Field(min_length=1, max_length=1000, description="What the picture shows, in English")
    width: int = Field(default=1024, ge=64, le=2048, description="Pixels")
    height: int = Field(default=1024, ge=64, le=2048, description="Pixels")
    seed: int = Field(default=0, ge=0, description="Another seed gives another picture of the same words")

    class Outputs(Ports):
        """The picture."""

        image: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Draw. Raises `InputError` for what the engine cannot draw."""
        with context.engine("image") as engine:
            picture = cast(ImageEngine, engine).draw(
                self.prompt, width=self.width, height=self.height, seed=self.seed, progress=context.progress
            )
        for note in picture.notes:
            context.note(note)
        artifact = context.artifacts.put_bytes(write_png(picture.pixels))
        stamps = [values.Stamp(**context.stamp("image"))]
        return self.Outputs(image=values.Image(artifact=artifact, width=self.width, height=self.height, made_by=stamps))


@node("sign_image")
class SignImage(Node):
    """Put Content Credentials into a picture: which models made it."""

    image: values.Image
    title: str = Field(default="", max_length=200, description="Its title in the credentials")

    class Outputs(Ports):
        """The same picture, signed."""

        image: values.Image

    def run(self, context: CallContext) -> Outputs:
        """Sign a copy. Raises `StorageError` on a full disk."""
        plain = context.scratch / "plain.png"  # artifacts have no suffix, which tells the signer what the file is
        shutil.copyfile(context.artifacts.path(self.image.artifact), plain)
        update = signed(context, plain, title=self.title, stamps=self.image.made_by)
        return self.Outputs(image=self.image.model_copy(update=update))
