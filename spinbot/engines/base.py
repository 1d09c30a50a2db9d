"""What every engine is: one model behind a slot, loaded on request, with one typed verb.

An engine is plain Python. It knows nothing of Ray, graphs, jobs or artifacts: arrays and text in, arrays
and text out. The verb of each slot is the abstract class in `engines/<slot>/base.py`. Constructing an
engine is free and picklable; weights and heavy imports (torch, onnxruntime, ...) belong in `load()`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal, get_args

Slot = Literal[
    "script",
    "tts",
    "asr",
    "image",
    "face",
    "talking_head",
    "upscale",
    "speaker",
    "lora_trainer",
    "voice_trainer",
    "captioner",
]
SLOTS: tuple[Slot, ...] = get_args(Slot)

Progress = Callable[[float, str], None]
"""`progress(fraction, message)`: fraction in 0..1. Raises `CancelledError` when the work is to stop, so an
engine calls it between steps (tokens, sentences, frames), at least twice a second."""

Models = Callable[[str], Path]
"""`models(name)`: the folder with the verified files of a catalogue entry. Raises `ModelError` where the
model is not installed or damaged."""


def no_progress(fraction: float, message: str) -> None:
    """For callers that do not follow progress."""


class Engine(ABC):
    """One model behind a slot. Subclasses add the slot's verb."""

    slot: ClassVar[Slot]
    name: ClassVar[str]
    """Unique within the slot; what `--engine slot=name` takes."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Catalogue names of the models it loads."""
    extras: ClassVar[tuple[str, ...]] = ()
    """Modules that it imports and a plain installation lacks."""

    def __init__(self, models: Models, *, device: str = "cpu", threads: int = 1) -> None:
        """`device` is a torch device string; `threads` caps the threads of every library the engine uses."""
        self.models = models
        self.device = device
        self.threads = threads

    @abstractmethod
    def load(self, progress: Progress) -> None:
        """Bring the weights into memory. Raises `ModelError`. Not called twice without `unload`."""

    @abstractmethod
    def unload(self) -> None:
        """Drop the weights; `load` works again afterwards."""
