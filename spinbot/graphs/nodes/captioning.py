"""Pictures that nobody has described are described by a captioner, before a look is learned from them."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.captioner.base import Captioner
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.nodes.dataset import GivenPicture
from spinbot.media.images import read_portrait

SAVED_EVERY = 20
"""Pictures: at 1.5 s each on two cores, a crash costs no more than half a minute."""


@node("caption_pictures", slots=("captioner",))
class CaptionPictures(Node):
    """Say what pictures show that have no caption; only of those that are fit. Goes on where it was stopped."""

    checkup: values.PictureCheckup
    pictures: list[GivenPicture] = Field(min_length=1, max_length=1000, description="As they were checked")

    class Outputs(Ports):
        """The captions that were written."""

        captions: values.PictureCaptions

    def run(self, context: CallContext) -> Outputs:
        """Describe one after the other; nothing, and no model is loaded, where nothing can be learned anyway."""
        used = set(self.checkup.checkup.used) if self.checkup.checkup.go else set()
        wanted = [given for given in self.pictures if given.name in used and not given.caption.strip()]
        if not wanted:
            return self.Outputs(captions=values.PictureCaptions(captions=[]))
        written: dict[str, str] = dict(context.checkpoint or {})
        with context.engine("captioner") as engine:
            for number, given in enumerate(wanted):
                if given.artifact in written:
                    continue

                def along(fraction: float, _: str, number: int = number, name: str = given.name) -> None:
                    context.progress((number + fraction) / len(wanted), f"{name}, {number + 1} of {len(wanted)}")

                pixels = read_portrait(context.artifacts.path(given.artifact)).pixels
                written[given.artifact] = cast(Captioner, engine).describe(pixels, along)
                if (number + 1) % SAVED_EVERY == 0:
                    context.save(written)
        captions = [
            values.PictureCaption(artifact=given.artifact, name=given.name, text=text)
            for given in wanted
            if (text := written[given.artifact])
        ]
        stamp = values.Stamp(**context.stamp("captioner"))
        return self.Outputs(captions=values.PictureCaptions(captions=captions, made_by=[stamp]))
