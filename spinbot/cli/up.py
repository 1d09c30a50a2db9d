"""`spinbot up`: the whole service in one command."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import ExitStack

import typer
from rich.console import Console

from spinbot.cli.autogroup import polite_session
from spinbot.cli.pages import Pages
from spinbot.cli.where import announced
from spinbot.config import POLITE, Settings
from spinbot.errors import InputError

EXAMPLE = """
Examples:

  spinbot up

  spinbot up --port 9000 --replicas 2

  spinbot up --host 0.0.0.0

  spinbot up --no-ui
"""


def up(
    host: str = typer.Option("127.0.0.1", help="Address to listen on. Another than this machine's own needs API keys."),
    port: int = typer.Option(8000, min=1, max=65535, help="Port to listen on."),
    replicas: int = typer.Option(1, min=1, max=64, help="Processes that answer requests."),
    open_to_all: bool = typer.Option(False, "--open", help="Listen on another address without any API key."),
    ui: bool = typer.Option(True, help="Serve the studio, too: pages for people."),
    ui_port: int = typer.Option(8501, min=1, max=65535, help="Port of the studio."),
) -> None:
    """Start the service: studio, HTTP API, live events, planner and queue; it goes on with whatever was interrupted.

    Another address than this machine's own needs a key: spinbot keys create NAME. Stop it with Ctrl-C: jobs that run
    then go on at the next start. With SPINBOT_RAY_ADDRESS it runs on that cluster.
    """
    from spinbot.serve.api.access import LOOPBACK
    from spinbot.serve.up import Service
    from spinbot.store.database import connect
    from spinbot.store.keys import Keys

    console = Console(stderr=True, highlight=False)
    settings = Settings()
    engine = connect(settings.database)
    keys = [key for key in Keys(engine).list() if key.revoked is None]
    engine.dispose()
    if host not in LOOPBACK and not keys and not open_to_all:
        raise InputError(
            f"{host} can be reached from other machines, and there is no API key",
            hint="make one with: spinbot keys create NAME; or say --open to let everybody in",
            code="no_keys",
        )
    if open_to_all:
        settings = settings.model_copy(update={"require_keys": "off"})
    _check_free(host, port, "--port")
    if ui:
        _check_free(host, ui_port, "--ui-port")
    url, here = f"http://{host}:{port}", _local_url(host, port)
    with ExitStack() as running:
        if not settings.ray_address:  # else the models compute elsewhere
            running.enter_context(polite_session(POLITE))
        pages = Pages(here, host, ui_port, settings.root / "logs" / "studio.log")
        with console.status("starting Ray and the service"):
            if ui:
                running.enter_context(pages)
            service = Service(settings)
            running.callback(service.stop)
            service.start(host, port, replicas)
            if ui:
                pages.ready(_local_url(host, ui_port))
        console.print(f"[bold]spinbot[/] answers at {url}")
        if ui:
            console.print(f"  [bold]studio          http://{host}:{ui_port}[/]")
        console.print(
            f"  documentation   {url}/docs\n  health          {url}/health/ready\n  home            {settings.root}"
        )
        console.print(f"  keys            {'not required here' if host in LOOPBACK else f'{len(keys)}, required'}")
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        with announced(settings, here):
            stopped.wait()
        running.enter_context(console.status("stopping"))


def _local_url(host: str, port: int) -> str:
    """How commands on this machine reach it, also where it listens on all addresses."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_free(host: str, port: int, option: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"port {port} of {host} cannot be used: {error.strerror}", hint=f"choose another with {option}"
            ) from error
