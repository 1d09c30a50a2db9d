"""The command `spinbot`: its commands, and how errors end it."""

from __future__ import annotations

import json
import sys

import typer
from rich.console import Console

from spinbot import __version__
from spinbot.cli import (
    cache,
    dataset,
    doctor,
    draw,
    files,
    generate,
    graphs,
    jobs,
    keys,
    logs,
    models,
    profile,
    reproduce,
    trace,
    train,
    up,
    voices,
    where,
)
from spinbot.errors import SpinbotError

EXIT_CODES = """
With --server (or SPINBOT_SERVER, and SPINBOT_API_KEY for its key) jobs run on that service; without it, on the one
that `spinbot up` has started for the same SPINBOT_HOME; where there is none, in this process.

Exit codes: 0 done; 1 other error; 2 bad input or graph; 3 no such job, voice or model; 4 model weights missing or
damaged; 5 disk full or path not writable; 6 a node failed; 130 cancelled with Ctrl-C.

Example: spinbot generate "why the sky is blue" -o sky.mp4
"""

app = typer.Typer(
    name="spinbot",
    help="Turn a sentence into a talking video of a person, on your own machine.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up", epilog=up.EXAMPLE)(up.up)
app.command("generate", epilog=generate.EXAMPLE)(generate.generate)
app.command("draw", epilog=draw.EXAMPLE)(draw.draw)
app.add_typer(profile.app, name="profile")
app.add_typer(train.app, name="train")
app.add_typer(dataset.app, name="dataset")
app.add_typer(graphs.app, name="graph")
app.command("nodes", epilog=graphs.NODES_EXAMPLE)(graphs.nodes)
app.command("voices", epilog=voices.EXAMPLE)(voices.voices)
app.add_typer(models.app, name="models")
app.add_typer(jobs.app, name="jobs")
app.add_typer(cache.app, name="cache")
app.add_typer(keys.app, name="keys")
app.command("logs", epilog=logs.EXAMPLE)(logs.logs)
app.command("trace", epilog=trace.EXAMPLE)(trace.trace)
app.command("reproduce", epilog=reproduce.EXAMPLE)(reproduce.reproduce)
app.command("score", epilog=files.SCORE_EXAMPLE)(files.score)
app.command("verify", epilog=files.VERIFY_EXAMPLE)(files.verify)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    server: str = typer.Option("", envvar="SPINBOT_SERVER", help="URL of the service that does the work."),
    local: bool = typer.Option(False, "--local", help="Work in this process, even where a service runs."),
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Turn a sentence into a talking video of a person, on your own machine."""
    where.choose(context, server, local)
    if version:
        typer.echo(f"spinbot {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an error of spinbot's own ends it with one line of cause and one of remedy."""
    try:
        app(standalone_mode=True)
    except SpinbotError as error:
        if "--json" in sys.argv:
            typer.echo(json.dumps(error.to_dict()))
        console = Console(stderr=True, highlight=False)
        console.print(f"[red]error:[/] {_plain(error.message)}", soft_wrap=True)
        if error.hint:
            console.print(f"[dim]remedy:[/] {_plain(error.hint)}", soft_wrap=True)
        sys.exit(error.exit_code)


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("[", r"\[")


if __name__ == "__main__":
    main()
