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
