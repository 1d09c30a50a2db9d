"""`spinbot reproduce`: whether a video can be made again, bit by bit, from its sidecar."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console

EXAMPLE = "Example: spinbot reproduce sky.mp4"


def reproduce(
    video: Path = typer.Argument(help="A video of spinbot with its sidecar (.json) beside it."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Make a video again from its sidecar, without the cache, and compare the answer of every node.

    Exit code 0 when all are identical, 6 when one differs, 4 when the models are not those that made the video.
    """
    from spinbot.actors.host import weights_digest
    from spinbot.cli.studio import Studio
    from spinbot.graphs.reproduce import check_inputs, check_weights, compare, document, read_sidecar

    sidecar = read_sidecar(video)
    studio, console = Studio(), Console(stderr=True, highlight=False)
    check_weights(sidecar, lambda slot, engine: weights_digest(studio.models, slot, engine))
    check_inputs(sidecar, studio.artifacts)
    graph = document(sidecar)
    studio.ensure_models(studio.engines_of(graph), console)
    job = studio.run(graph, console)
    compared = compare(sidecar, job)
    different = [one for one in compared if one.difference]
    first = different[0] if different else None
    if as_json:
        nodes = [one.to_dict() for one in compared]
        typer.echo(
            json.dumps({"job": job.id, "identical": not different, "first": first and first.node, "nodes": nodes})
        )
    else:
        for one in compared:
            typer.echo(f"{one.node}: {'differs: ' + one.difference if one.difference else 'identical'}")
        typer.echo(f"{len(compared) - len(different)} of {len(compared)} nodes are identical")
    if first:
        console.print(f"[red]error:[/] node {first.node} is the first that differs", soft_wrap=True, markup=True)
        console.print("[dim]remedy:[/] compare version, machine and settings with those it was made with")
        raise typer.Exit(6)
