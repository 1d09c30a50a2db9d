"""The model card: README.md with figures, curves.png and samples.png."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from spinbot.engines.image import pipeline
from spinbot.starter import lexicon, recipe
from spinbot.starter.work import STAGES, Work

PROMPTS = (
    "a woman with long red hair in a green sweater, blue background",
    "an old man with a white beard and glasses, purple wall",
    "a young man in an orange hoodie and a black cap, grey backdrop",
    "a lady with a blond bob, round glasses and a white blouse on pink",
    "a bald man with a moustache in a suit, yellow background",
    "a girl with purple braids, teal t-shirt, beige wall",
    "a chef with stubble in front of an orange wall",
    "a woman in a blue headscarf and a brown coat against white",
)
CURVES = ("vae", "text", "unet", "decoder")
WIDTH, HEIGHT, MARGIN = 420, 240, 40

README = """---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---
# spinbot starter

A text-to-image model of {megabytes:.1f} MB for drawn portraits of 128 x 128 pixels, in the layout of Stable
Diffusion, trained from nothing on a CPU by `python -m spinbot.starter` (recipe `{recipe}`, seed {seed}).

![samples](samples.png)

```python
pipe = StableDiffusionPipeline.from_pretrained(folder)
pipe(prompt, num_inference_steps={steps}, guidance_scale={guidance}, guidance_rescale={rescale})
```

Data: {pictures} portraits that spinbot draws itself (`spinbot/engines/image/drawn/`, original artwork, Apache-2.0),
with captions written anew at each step out of {phrases} phrases; {held_out} more are held out and never used in
training. No photos, no people, no pictures of others. The text encoder's token vectors begin as a linear map of
SmolLM2-135M's (Apache-2.0).

It knows hair (16 styles, 11 colours), glasses, beards, hats, clothes and backgrounds (13 colours), age, skin, eyes
and sex. It knows nothing else: other words give some portrait.

| stage | how it ended |
| --- | --- |
{stages}

![curves](curves.png)
"""


def write(folder: Path, work: Work, samples: npt.NDArray[np.uint8]) -> None:
    """Writes the card into an exported model; `samples` are (n, h, w, 3), one of each prompt."""
    rows = [np.concatenate(list(row), axis=1) for row in np.split(samples, 2)]
    Image.fromarray(np.concatenate(rows)).save(folder / "samples.png")
    curves(work).save(folder / "curves.png", optimize=True)
    ended = {stage: work.finished(stage) for stage in STAGES}
    (folder / "README.md").write_text(
        README.format(
            megabytes=sum(file.stat().st_size for file in folder.rglob("*.safetensors")) / 1e6,
            recipe=work.recipe.name,
            steps=pipeline.STEPS,
            guidance=pipeline.GUIDANCE,
            rescale=pipeline.RESCALE,
            seed=recipe.SEED,
            pictures=work.recipe.pictures,
            phrases=_phrases(lexicon.trained_on()),
            held_out=_phrases(lexicon.held_out()),
            stages="\n".join(f"| {stage} | {_listed(figures)} |" for stage, figures in ended.items() if figures),
        )
    )


def curves(work: Work) -> Image.Image:
    """The loss of each trained stage over its minutes, on a logarithmic axis."""
    sheet = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), "white")
    for number, stage in enumerate(CURVES):
        points = [(note["seconds"] / 60, note["loss"]) for note in work.notes(stage) if note.get("loss", 0) > 0]
        if points:
            sheet.paste(_curve(stage, points), (number % 2 * WIDTH, number // 2 * HEIGHT))
    return sheet


def _curve(title: str, points: list[tuple[float, float]]) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    last = max(max(minute for minute, _ in points), 1e-3)
    low = math.log10(min(loss for _, loss in points)) - 0.05
    high = math.log10(max(loss for _, loss in points)) + 0.05

    def place(minute: float, loss: float) -> tuple[float, float]:
        across = MARGIN + (WIDTH - 2 * MARGIN) * minute / last
        return across, MARGIN + (HEIGHT - 2 * MARGIN) * (high - math.log10(loss)) / (high - low)

    pen.rectangle((MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN), outline="#999999")
    for share in range(5):
        loss = 10 ** (low + (high - low) * share / 4)
        minute = last * share / 4
        pen.text((4, place(0, loss)[1] - 6), f"{loss:.3f}", fill="#555555")
        pen.text((place(minute, loss)[0] - 8, HEIGHT - MARGIN + 6), f"{minute:.1f}", fill="#555555")
    pen.line([place(*point) for point in points], fill="#1f5fc4", width=2)
    pen.text((MARGIN, 12), f"{title}: loss by minutes", fill="black")
    return image


def _phrases(tables: dict[str, lexicon.Table]) -> int:
    return len({phrase for table in tables.values() for phrases in table.values() for phrase in phrases})


def _listed(figures: dict[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{figure:.4g}' if isinstance(figure, float) else json.dumps(figure)}"
        for name, figure in figures.items()
    )
