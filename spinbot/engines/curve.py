"""The course of a training: its live points, a picture of the loss, and a log that TensorBoard opens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from spinbot.disk import storage_errors, whole_file

Points = Sequence[tuple[int, float]]
"""Step and value."""
WIDTH, HEIGHT, EDGE = 720, 360, 48
MEAN_OVER = 20
"""Points that the thick line is a mean of: single losses scatter by half their size."""
LIVE = 200
"""Most points of a curve that grows: each is a row of the database, and a screen shows no more."""


def live(losses: Points, last: int) -> float | None:
    """What a growing curve shows for the newest of `losses`, of which there is one for each step; None: nothing.

    At most `LIVE` of the `last` steps have a point, evenly spread, beside `last` itself: the mean since the point
    before. It depends on the losses alone, so a training that was resumed shows the same points, without a gap.
    """
    step, every = losses[-1][0], math.ceil(last / LIVE)
    if step % every and step != last:
        return None
    since = [loss for _, loss in losses[-((step - 1) % every + 1) :]]
    return sum(since) / len(since)


def write_curve(file: Path, losses: Points, scores: Points, scored: str) -> None:
    """A PNG: losses as dots, their running mean as a line, below it scores, titled `scored`. Raises `StorageError`."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    last = max((step for step, _ in [*losses, *scores]), default=1)
    split = HEIGHT - 130 if scores else HEIGHT - EDGE
    _plot(draw, losses, last, (30, split), "loss", dots=True)
    if scores:
        _plot(draw, scores, last, (split + 40, HEIGHT - EDGE), scored, dots=False)
    draw.text((WIDTH - EDGE - 60, HEIGHT - 28), f"step {last}", fill="black")
    with storage_errors(file), whole_file(file) as part:
        image.save(part, "PNG")


def _plot(
    draw: ImageDraw.ImageDraw, points: Points, last: int, rows: tuple[int, int], title: str, *, dots: bool
) -> None:
    top, bottom = rows
    draw.text((EDGE, top - 16), title, fill="black")
    draw.line((EDGE, bottom, WIDTH - EDGE, bottom), fill="grey")
    if not points:
        return
    values = [value for _, value in points]
    low, high = min(values), max(values)
    draw.text((4, top), f"{high:.3g}", fill="grey")
    draw.text((4, bottom - 12), f"{low:.3g}", fill="grey")

    def place(step: int, value: float) -> tuple[float, float]:
        across = EDGE + (WIDTH - 2 * EDGE) * step / max(1, last)
        return across, bottom - (bottom - top) * (value - low) / max(high - low, 1e-12)

    if dots:
        for step, value in points:
            x, y = place(step, value)
            draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill="#b8c7e0")
    over = MEAN_OVER if dots else 1
    means = [(step, sum(values[max(0, i + 1 - over) : i + 1]) / min(over, i + 1)) for i, (step, _) in enumerate(points)]
    if len(means) > 1:
        draw.line([place(*mean) for mean in means], fill="#1f4e9e", width=2)


def write_log(folder: Path, losses: Points, scores: Points) -> Path:
    """A TensorBoard event file in `folder`; gives its path. Raises `StorageError`."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    # Times are steps, so that the same training gives the same file.
    events = [Event(wall_time=0, file_version="brain.Event:2")]
    for tag, points in (("loss", losses), ("score", scores)):
        for step, value in points:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            events.append(Event(wall_time=step, step=step, summary=summary))
    file = folder / "events.out.tfevents.spinbot"
    with storage_errors(file), file.open("wb") as stream:
        writer = RecordWriter(stream)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()
    return file
