"""What nodes that train have in common: whether to begin, where they left off, and what they keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from spinbot.actors.host import CallContext
from spinbot.errors import InputError
from spinbot.graphs import values
from spinbot.media.checkup import Checkup


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


class Course:
    """Follows a training: files become artifacts, checkpoints the node's own."""

    def __init__(self, context: CallContext) -> None:
        self.context = context
        self.progress = context.progress
        self.figures = context.figures

    def left_off(self) -> Path | None:
        """The checkpoint of an earlier attempt."""
        saved: dict[str, Any] = self.context.checkpoint or {}
        artifact = saved.get("checkpoint")
        if artifact is None or artifact not in self.context.artifacts:
            return None
        self.resume(saved)
        self.context.note(f"goes on after step {saved['step']}")
        return self.context.artifacts.path(artifact)

    def keep(self, file: Path) -> str:
        """Store a file for good; answers its artifact."""
        return self.context.artifacts.put_file(file)

    def checkpoint(self, file: Path, step: int) -> None:
        """Store how far the training came. Raises `StorageError`."""
        self.context.save({"checkpoint": self.keep(file), "step": step} | self.besides())

    def besides(self) -> dict[str, Any]:
        """What else an attempt after a crash needs, as JSON."""
        return {}

    def resume(self, saved: dict[str, Any]) -> None:
        """Take up what `besides` gave."""


def stored_image(context: CallContext, file: Path) -> values.Image:
    """A picture of the scratch folder as an artifact."""
    with Image.open(file) as opened:
        return values.Image(artifact=context.artifacts.put_file(file), width=opened.width, height=opened.height)
