"""Somebody to learn: drawn photos, and recordings by a speech engine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spinbot.engines.base import no_progress
from spinbot.engines.image.drawn.engine import render
from spinbot.engines.image.drawn.look import Look
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.media.audio import write_wav

CONSENT = ("--person", "Ada Lovelace", "--purpose", "tests of spinbot")
"""Options of a command."""
ADA = Look(
    "woman", "young", "tan", "green", "bob", "purple", "round", "none", "none", "red", "hoodie", "yellow", "white"
)
COLOURS = ("white", "yellow", "blue", "green", "orange", "beige")
SENTENCES = (
    "The first time I came here it was raining, and nobody was on the street.",
    "We walked up to the old tower and looked down at the river for an hour.",
    "My grandmother used to say that patience is the better half of courage.",
    "In the evening somebody played the piano behind an open window upstairs.",
    "I never learned what the song was called, though I still remember it well.",
)


def photos(folder: Path, count: int = 5) -> Path:
    """Pictures of one person in front of different walls; two have captions."""
    folder.mkdir(parents=True)
    for number, colour in zip(range(count), COLOURS, strict=False):
        look = Look(**(vars(ADA) | {"background": colour, "clothes_colour": COLOURS[number - 1]}))
        Image.fromarray(render(look, 300, 300, number)).save(folder / f"{number}.png")
    (folder / "0.txt").write_text("white background")
    (folder / "1.caption").write_text("[trigger], yellow wall")
    return folder


def recording(file: Path, models: Callable[[str], Path], voice: str = "stock:nezumi") -> Path:
    """Some 25 s of speech, with pauses between the sentences."""
    engine = KokoroEngine(models, threads=2)
    engine.load(no_progress)
    pause = np.zeros(16_000, np.float32)
    parts = [engine.speak(text, voice=voice, speed=1.0, seed=0, progress=no_progress).samples for text in SENTENCES]
    write_wav(file, np.concatenate([sound for part in parts for sound in (part, pause)]), 24_000)
    return file


FOREIGN = {
    "it": (
        "kwˈesta matːˈina sˈono andˈato al merkˈato kon mˈia sorˈɛlːa, e abːjˈamo komprˈato il pˈane e il formˈadʤo.",
        "il trˈɛno pˈarte dˈalːa statsjˈone tʃentrˈale ˈale ˈɔtːo e mˈɛdza di ˈoɲi dʒˈorno.",
    ),
    "ja": (
        "watɕi wa kjoː kazoku to iɕːo ni koːeɴ de saɴpo o ɕimaɕita.",
        "kono hoɴ wa totemo omoɕiɾoi to omoimasu, zehi joɴde kudasai.",
    ),
}
"""Sentences in other languages, by sound: Kokoro speaks them, too."""


def pronounced(engine: KokoroEngine, phonemes: str, voice: str = "stock:kumo") -> np.ndarray:
    """What Kokoro says for letters of the phonetic alphabet, in whatever language."""
    tokens = np.array([[0, *(engine._vocab[letter] for letter in phonemes), 0]], np.int64)
    inputs = {"tokens": tokens, "style": engine.pack(voice)[None, tokens.size], "speed": np.ones(1, np.float32)}
    return engine._infer(inputs, no_progress)[0].reshape(-1)


def music(seconds: float, rate: int = 16_000) -> np.ndarray:
    """Chords with a drum on each beat, and nobody who sings."""
    times = np.arange(round(seconds * rate)) / rate
    chords = np.array([(220, 277, 330), (196, 247, 294), (175, 220, 262), (196, 247, 294)])
    notes = chords[(times % 4).astype(int)]
    sound = sum(np.sin(2 * np.pi * notes[:, i] * h * times) / h**1.5 for i in range(3) for h in (1, 2, 3, 4))
    sound = sound * np.exp(-2 * (times % 1))
    sound += 2 * np.sin(2 * np.pi * 60 * times) * np.exp(-30 * (times % 1))
    sound += np.random.default_rng(0).normal(size=len(times)) * np.exp(-30 * ((times + 0.5) % 1))
    return (0.7 * sound / np.abs(sound).max()).astype(np.float32)


def told_live(home: Path) -> tuple[dict[int, dict[str, float]], list[dict[str, Any]]]:
    """What the first job of a home has told while it ran: figures by step, and previews."""
    figures: dict[int, dict[str, float]] = {}
    with sqlite3.connect(home / "spinbot.db") as database:
        [job] = database.execute("SELECT id FROM jobs ORDER BY created LIMIT 1").fetchone()
        found = database.execute("SELECT kind, data FROM events WHERE job = ? ORDER BY seq", [job]).fetchall()
    database.close()
    told = [(kind, json.loads(data)) for kind, data in found]
    for kind, data in told:
        if kind == "node.figures":
            figures.setdefault(data["step"], {}).update(data["figures"])
    return figures, [data for kind, data in told if kind == "node.preview"]
