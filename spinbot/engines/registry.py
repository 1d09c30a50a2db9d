"""Which engines there are: slot -> name -> class. A new engine is one file and one line here."""

from __future__ import annotations

from importlib import import_module

from spinbot.engines.base import SLOTS, Engine
from spinbot.errors import NotFoundError

ENGINES: dict[str, dict[str, str]] = {
    "script": {"smollm2": "spinbot.engines.script.smollm2:SmolLm2Engine"},
    "tts": {
        "kokoro": "spinbot.engines.tts.kokoro:KokoroEngine",
        "piper": "spinbot.engines.tts.piper:PiperEngine",
    },
    "asr": {
        "whisper-tiny.en": "spinbot.engines.asr.whisper:WhisperTinyEngine",
        "whisper-base": "spinbot.engines.asr.whisper:WhisperBaseEngine",
    },
    "image": {
        "drawn": "spinbot.engines.image.drawn.engine:DrawnEngine",
        "diffusers": "spinbot.engines.image.diffusion:DiffusersEngine",
    },
    "face": {"mediapipe": "spinbot.engines.face.mediapipe:MediapipeFaceEngine"},
    "talking_head": {"meshwarp": "spinbot.engines.talking_head.engine:MeshWarpEngine"},
    "speaker": {"ge2e": "spinbot.engines.speaker.ge2e:Ge2eEncoder"},
    "voice_trainer": {"kokoro-style": "spinbot.engines.voice_trainer.kokoro_style:KokoroStyleTrainer"},
    "lora_trainer": {"peft": "spinbot.engines.lora_trainer.peft_lora:PeftTrainer"},
    "captioner": {"transformers": "spinbot.engines.captioner.image_to_text:ImageToTextEngine"},
    "upscale": {"realesrgan": "spinbot.engines.upscale.realesrgan:RealEsrganEngine"},
}


def engine_class(slot: str, name: str) -> type[Engine]:
    """The class of an engine: a name of the table, or `package.module:Class` for one from elsewhere.

    Raises `NotFoundError` naming the engines of the slot.
    """
    if slot not in ENGINES:
        raise NotFoundError(f"there is no slot {slot!r}", hint=f"slots: {', '.join(SLOTS)}", code="unknown_slot")
    if ":" not in name and name not in ENGINES[slot]:
        raise NotFoundError(
            f"slot {slot} has no engine {name!r}", hint=f"engines: {', '.join(ENGINES[slot])}", code="unknown_engine"
        )
    module, attribute = ENGINES[slot].get(name, name).split(":")
    found: type[Engine] = getattr(import_module(module), attribute)
    return found
