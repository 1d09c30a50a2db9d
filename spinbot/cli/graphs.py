"""`spinbot graph` and `spinbot nodes`: graphs as files, and what they may be made of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from spinbot.errors import GraphError, InputError, NotFoundError

NODES_EXAMPLE = """
Examples:

  spinbot nodes

  spinbot nodes speak --json
"""

app = typer.Typer(no_args_is_help=True, help="Check, show and run graph files (spinbot.graph/v1).")

FILE = typer.Argument(help="A graph as a JSON file, or - for standard input.")


@app.command("check", epilog="Example: spinbot graph check my-graph.json")
def check_command(
    context: typer.Context,
    file: str = FILE,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Report every fault of a graph at once, without running it. Exit code 2 when there is any."""
    from spinbot.cli.where import open_place
    from spinbot.graphs.check import Fault

    try:
        graph = open_place(context).parse(read_graph(file))
    except GraphError as error:
        if not error.details:
            raise
        for fault in error.details if not as_json else ():
            typer.echo(Fault(**fault).line())
        if as_json:
            typer.echo(json.dumps(error.details))
        raise typer.Exit(2) from error
    typer.echo("[]" if as_json else f"{graph.name}: {len(graph.nodes)} nodes, no fault")


@app.command("show", epilog="Example: spinbot graph show my-graph.json")
def show_command(context: typer.Context, file: str = FILE) -> None:
    """Show the nodes of a graph in the order they can run, with what they wait for."""
    from spinbot.cli.where import open_place

    graph = open_place(context).parse(read_graph(file))
    for name in graph.order():
        spec = graph.nodes[name]
        inputs = [f"{port} <- {link.node}.{link.output}" for port, link in spec.links()]
        inputs += [f"after {other}" for other in spec.after]
        typer.echo(f"{name} ({spec.type})" + (": " + ", ".join(inputs) if inputs else ""))
    for output, link in graph.outputs.items():
        typer.echo(f"output {output} <- {link.node}.{link.output}")


@app.command("run", epilog="Example: spinbot graph run my-graph.json -o results/")
def run_command(
    context: typer.Context,
    file: str = FILE,
    out: Path | None = typer.Option(None, "-o", "--out", help="Folder for the files that the outputs name."),
) -> None:
    """Run a graph and print its outputs as JSON."""
    from spinbot.cli.where import open_place
    from spinbot.graphs.export import save_outputs

    place, console = open_place(context), Console(stderr=True, highlight=False)
    document = place.parse(read_graph(file)).to_json()
    place.prepare([document], console)
    job = place.run(document, console)
    typer.echo(json.dumps(job.outputs, indent=2))
    if out is not None:
        for path in save_outputs(job, out, place.artifacts, place.node_types()):
            console.print(f"wrote {path}")


def nodes(
    context: typer.Context,
    name: str = typer.Argument("", help="Only this node type, with all its fields."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON, with the JSON Schema of each parameter."),
) -> None:
    """List the node types that graphs are made of."""
    from spinbot.cli.where import open_place
    from spinbot.graphs.check import suggest

    known = {kind["type"]: kind for kind in open_place(context).node_types()}
    if name and name not in known:
        raise NotFoundError(f"there is no node type {name!r}", hint=suggest(name, known), code="unknown_type")
    described = [known[name]] if name else list(known.values())
    if as_json:
        typer.echo(json.dumps(described[0] if name else described, indent=2))
        return
    if not name:
        table = Table(box=None)
        for column in ("type", "takes", "gives", "what it does"):
            table.add_column(column)
        for kind in described:
            summary = kind["description"].splitlines()[0]
            takes = ", ".join(port["type"] for port in kind["inputs"].values())
            table.add_row(kind["type"], takes, ", ".join(kind["outputs"].values()), summary)
        Console(width=None if sys.stdout.isatty() else 140).print(table)
        return
    _print_node(described[0])


def _print_node(kind: dict[str, Any]) -> None:
    typer.echo(f"{kind['type']} (version {kind['version']}): {kind['description']}")
    for port, facts in kind["inputs"].items():
        typer.echo(f"  input {port}: {facts['type']}{'' if facts['required'] else ' (optional)'}")
    for field, facts in kind["params"].items():
        given = "required" if facts["required"] else f"default {facts.get('default')!r}"
        typer.echo(f"  param {field}: {facts.get('description', '')} ({given})")
    for port, value in kind["outputs"].items():
        typer.echo(f"  output {port}: {value}")
    if kind["slots"]:
        typer.echo(f"  engines of the slots: {', '.join(kind['slots'])}")


def read_graph(source: str) -> Any:
    """The JSON document in a file, or on standard input for `-`. Raises `InputError`."""
    path = Path(source)
    if source != "-" and not path.is_file():
        raise InputError(f"there is no graph file {source}", hint="give a JSON file, or - for standard input")
    try:
        return json.loads(sys.stdin.read() if source == "-" else path.read_text())
    except ValueError as error:
        raise InputError(
            f"{source} is not JSON: {error}", hint="a graph is a JSON object: see docs/graphs.md"
        ) from error
