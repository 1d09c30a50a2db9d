"""`python -m app_streamlit`: the studio as a process of its own. `spinbot up` starts one beside the service."""

from __future__ import annotations

import os
import signal
import sys
import threading

import typer

from app_streamlit.server import serve

EXAMPLE = """
Examples:

  python -m app_streamlit --server http://127.0.0.1:8000

  python -m app_streamlit --server https://spinbot.example.org --host 0.0.0.0 --port 80
"""


def main(
    server: str = typer.Option("http://127.0.0.1:8000", help="The service, as it is reached from this machine."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8501, min=1, max=65535, help="Port to listen on."),
    end_with_input: bool = typer.Option(False, help="End when the standard input does: when its parent is gone."),
) -> None:
    """Serve the studio. Visitors give their own API key where the service wants one; it never uses one of its own."""
    os.environ["SPINBOT_SERVER"] = server
    os.environ.pop("SPINBOT_API_KEY", None)  # clients would send it in the name of everybody
    if end_with_input:
        threading.Thread(target=_end_with_input, daemon=True).start()
    serve(host, port)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command(epilog=EXAMPLE)(main)
    app()
