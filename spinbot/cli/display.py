"""What a person sees while a job runs or models are fetched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.store.jobs import Event, Job
from spinbot.store.node_runs import DONE, NodeRun

_MARKS = {
    "pending": ("·", "dim"),
    "running": ("▸", "cyan"),
    "expanded": ("▾", "cyan"),
    "cached": ("✓", "blue"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "cancelled": ("-", "yellow"),
}


class _Row:
    def __init__(self) -> None:
        self.state = "pending"
        self.fraction = 0.0
        self.note = ""
        self.started = 0.0
        self.seconds = 0.0

    @classmethod
    def of(cls, run: NodeRun) -> _Row:
        """The row of a node that may have ended in an earlier run of its job."""
        row = cls()
        row.state = run.state if run.state in DONE else "pending"
        return row


class JobDisplay:
    """Shows a job's events, which `hear` is given: a live table on a terminal, one line per change elsewhere."""

    def __init__(self, job: Job, console: Console) -> None:
        self._job = job.id
        self._console = console
        self._rows = {name: _Row.of(run) for name, run in job.nodes.items()}
        self._loads: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=8, transient=False, get_renderable=self._render)

    def __enter__(self) -> JobDisplay:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def hear(self, event: Event) -> None:
        """Show an event; those of other jobs are passed over."""
        if event.job != self._job:
            return
        if event.node is not None and event.kind.startswith("node."):
            self._update(self._rows[event.node], event)
            for inner in event.data.get("nodes", ()):
                self._rows.setdefault(inner, _Row())
        if event.kind.startswith("model."):
            self._loads[f"{event.data['slot']}/{event.data['engine']}"] = _load_text(event)
        if not self._console.is_terminal:
            if line := _line(event):
                self._console.print(line, soft_wrap=True)
        elif event.kind == "log":
            self._live.console.print(f"[dim]{event.node or ''}: {escape(event.data['message'])}[/]")

    def _update(self, row: _Row, event: Event) -> None:
        state = event.kind.removeprefix("node.")
        if state == "progress":
            row.fraction = event.data["fraction"]
            left = event.data["eta_s"]
            row.note = event.data["message"] + (f", {left:.0f} s left" if left is not None else "")
            return
        if state in ("saved", "partial", "figures", "preview"):
            return
        if state == "running":
            row.started, row.fraction = event.time, 0.0
        if state in ("retrying", "interrupted"):
            state = "pending"
        row.state, row.note = state, ""
        row.seconds = event.time - (row.started or event.time)
        if state == "cached":
            row.note = "from the cache"
        if "error" in event.data:
            row.note = event.data["error"]["message"]

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for name, row in self._rows.items():
            mark, style = _MARKS[row.state]
            seconds = time.time() - row.started if row.state == "running" else row.seconds
            bar: RenderableType = ProgressBar(total=1.0, completed=row.fraction, width=24)
            if row.state != "running":
                bar = Text("")
            clock = f"{seconds:.1f} s" if row.started else ""
            table.add_row(Text(mark, style), Text(name, style), bar, Text(clock, "dim"), Text(row.note, "dim"))
        loads = [Text(f"  {name}: {text}", "dim") for name, text in self._loads.items()]
        return Group(table, *loads)


def _load_text(event: Event) -> str:
    if event.kind == "model.loaded":
        return f"loaded in {event.data['seconds']:.1f} s, {event.data['bytes'] / 1e6:.0f} MB"
    if event.kind == "model.evicted":
        return "evicted to make room"
    return f"{event.data['message']} {event.data['fraction']:.0%}"


def _line(event: Event) -> str:
    where = event.node or ""
    if event.kind == "log":
        return f"{where}: {escape(event.data['message'])}"
    if event.kind in ("node.running", "node.cached", "node.succeeded", "node.cancelled"):
        return f"{where}: {event.kind.removeprefix('node.')}"
    if event.kind == "node.expanded":
        return f"{where}: expanded into {len(event.data['nodes'])} nodes"
    if event.kind == "node.retrying":
        message, wait_s = event.data["error"]["message"], event.data["again_in_s"]
        return f"{where}: {escape(message)}; again in {wait_s:g} s"
    if event.kind == "node.failed":
        return f"{where}: failed: {escape(event.data['error']['message'])}"
    if event.kind == "model.loaded":
        return f"{event.data['slot']}/{event.data['engine']}: {_load_text(event)}"
    return ""


def pull_with_progress(models: ModelStore, names: Iterable[str], console: Console) -> None:
    """Fetch models with one progress bar each. Raises `ModelError`, `StorageError`."""
    wanted = list(names)
    models.check_folders(wanted)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        catalogue = load_catalogue()
        tasks: dict[str, TaskID] = {name: progress.add_task(name, total=catalogue[name].bytes) for name in wanted}
        done: dict[tuple[str, str], int] = {}

        def report(model: str, file: str, done_bytes: int, total_bytes: int) -> None:
            done[model, file] = done_bytes
            progress.update(tasks[model], completed=sum(part for (name, _), part in done.items() if name == model))

        models.pull(wanted, report)
