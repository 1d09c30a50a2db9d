"""The command `python -m spinbot.starter`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from spinbot.errors import InputError, SpinbotError
from spinbot.starter.recipe import RECIPES
from spinbot.starter.work import STAGES, Work

TEACHES = """
Stages, in this order (all of them where none is named): pictures (drawn portraits), words (tokenizer), vae
(autoencoder), latents (all pictures encoded), text (text encoder), unet, decoder (the autoencoder's second half),
export.

A stage that is done is left out. The command may be killed at any moment: run again, it goes on from the last
checkpoint, 45 s old at most. Losses are in WORK/losses.jsonl. Minutes of `full` on two free cores: pictures 3, words
3, vae 18, latents 1, text 4, unet 60, decoder 8. It needs 2 GB in WORK and the model smollm2-135m-instruct (spinbot
models pull).

Example: python -m spinbot.starter --work ~/starter --out ~/starter-model
"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog=TEACHES)
def train(
    stages: Annotated[list[str] | None, typer.Argument(metavar="[STAGE]...", help=f"{', '.join(STAGES)}")] = None,
    work: Annotated[Path, typer.Option(help="Folder for everything on the way; made if missing")] = Path("starter"),
    out: Annotated[Path | None, typer.Option(help="Folder for the finished model; WORK/model if not given")] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes of one thread each: the cores to use")] = 2,
    budget: Annotated[str, typer.Option(help="full: 97 minutes on two cores; small: seconds, to try it out")] = "full",
) -> None:
    """Train the starter text-to-image model on this machine's CPU."""
    if budget not in RECIPES:
        raise InputError(f"there is no budget {budget!r}", hint=f"budgets: {', '.join(RECIPES)}")
    if odd := [stage for stage in stages or () if stage not in STAGES]:
        raise InputError(f"there is no stage {', '.join(odd)}", hint=f"stages: {', '.join(STAGES)}")
    place = Work(work.expanduser().resolve(), RECIPES[budget])
    for stage in STAGES:
        if stages and stage not in stages:
            continue
        if place.finished(stage) is not None:
            place.say(stage, "is done")
            continue
        run(stage, place, processes, (out or place.path("model")).expanduser().resolve())


def run(stage: str, work: Work, processes: int, out: Path) -> None:
    """One stage, whether it is done or not."""
    from spinbot.starter import decoder, export, latents, pictures, text, unet, vae, words

    if stage == "export":
        export.make(work, out)
    else:
        parallel = {
            "pictures": pictures.make,
            "words": words.make,
            "vae": vae.make,
            "latents": latents.make,
            "text": text.make,
            "unet": unet.make,
            "decoder": decoder.make,
        }
        parallel[stage](work, processes)


def main() -> None:
    """Runs the command; an error is two lines and an exit code."""
    try:
        app()
    except SpinbotError as error:
        typer.echo(f"error: {error.message}", err=True)
        if error.hint:
            typer.echo(f"hint: {error.hint}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
