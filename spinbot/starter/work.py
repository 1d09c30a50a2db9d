"""The work folder: what each stage left there, checkpoints that survive `kill -9`, and the log of losses."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from spinbot.disk import storage_errors, whole_file
from spinbot.errors import InputError, StorageError
from spinbot.starter.recipe import Recipe

STAGES = ("pictures", "words", "vae", "latents", "text", "unet", "decoder", "export")


class Work:
    """A folder for one run of one recipe. A stage is done when its `<stage>.done.json` is there, written last."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        """Makes the folder. Raises `InputError` where another recipe has worked in it, `StorageError`."""
        self.folder = folder
        self.recipe = recipe
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        ours = json.loads(json.dumps(asdict(recipe)))
        mark = folder / "recipe.json"
        if mark.exists() and (theirs := json.loads(mark.read_text())) != ours:
            odd = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
            raise InputError(
                f"{folder} was made by another recipe ({', '.join(odd)} differ)", hint="choose another --work folder"
            )
        self._write(mark, ours)

    def path(self, name: str) -> Path:
        """A file or folder in it."""
        return self.folder / name

    def finished(self, stage: str) -> dict[str, Any] | None:
        """The figures that a stage ended with; None where it is not done."""
        mark = self.path(f"{stage}.done.json")
        return json.loads(mark.read_text()) if mark.exists() else None

    def finish(self, stage: str, **figures: Any) -> None:
        """Marks a stage as done."""
        self._write(self.path(f"{stage}.done.json"), figures)
        self.say(stage, f"done: {_shown(figures)}")

    def require(self, stage: str, needed: tuple[str, ...]) -> None:
        """Raises `InputError` unless the stages that `stage` builds upon are done."""
        if missing := [name for name in needed if self.finished(name) is None]:
            raise InputError(
                f"stage {stage} needs {', '.join(missing)} first",
                hint=f"run: python -m spinbot.starter --work {self.folder} {' '.join([*missing, stage])}",
            )

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Writes `<name>.pt` in one step: after a kill there is the old one or the new one."""
        import torch

        with whole_file(self.path(f"{name}.pt")) as part:
            torch.save(state, part)

    def load(self, name: str) -> dict[str, Any] | None:
        """What `save` wrote; None where there is nothing. Raises `StorageError` for a file that is damaged."""
        import torch

        path = self.path(f"{name}.pt")
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, ValueError) as error:
            raise StorageError(f"{path} is damaged: {error}", hint="delete it: the stage begins anew") from error
        return state

    def note(self, stage: str, **numbers: float) -> None:
        """Adds a line to `losses.jsonl` and shows it."""
        with storage_errors(self.folder), self.path("losses.jsonl").open("a") as log:
            log.write(json.dumps({"stage": stage, "time": round(time.time(), 1)} | numbers) + "\n")
        self.say(stage, _shown(numbers))

    def notes(self, stage: str) -> list[dict[str, Any]]:
        """The lines of a stage in `losses.jsonl`; one cut short by a kill is left out."""
        log = self.path("losses.jsonl")
        lines = log.read_text().splitlines() if log.exists() else []
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [line for line in found if line["stage"] == stage]

    def say(self, stage: str, text: str) -> None:
        """A line of progress."""
        typer.echo(f"{time.strftime('%H:%M:%S')} {stage:8} {text}")

    def _write(self, path: Path, content: Any) -> None:
        with whole_file(path) as part:
            part.write_text(json.dumps(content, indent=1))


def _shown(numbers: dict[str, Any]) -> str:
    return "  ".join(
        f"{name} {number:.4g}" if isinstance(number, float) else f"{name} {number}" for name, number in numbers.items()
    )
