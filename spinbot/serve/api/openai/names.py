"""Which engine a client means by `model`: our names, and those that clients of OpenAI's speech service send unasked."""

from __future__ import annotations

from spinbot.config import Settings
from spinbot.engines.registry import ENGINES, engine_class
from spinbot.errors import NotFoundError

SPEECH_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
IMAGE_MODELS = ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "dall-e-2", "dall-e-3")
"""Mean the engine of the settings."""


def engine_named(slot: str, model: str, settings: Settings, *, also: tuple[str, ...] = ()) -> str:
    """The engine of `slot` by its own name or that of a model it loads; the settings' own for one of `also`.

    Raises `NotFoundError`.
    """
    default = settings.engines[slot]
    if model in also:
        return default
    engines = dict.fromkeys([default, *ENGINES[slot]])
    for name in engines:
        if model == name or model in engine_class(slot, name).requires:
            return name
    raise NotFoundError(
        f"there is no model {model[:100]!r} for this", hint=f"there are: {', '.join(engines)}", code="model_not_found"
    )
