"""The API on a real socket: a server in a thread, jobs run by hosts in threads, toy engines unless others are named."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from websockets.sync.client import ClientConnection, connect

import tests.toys as toys
from spinbot.config import HostGroup, Settings
from spinbot.serve.api.app import build_api
from spinbot.serve.backend import LocalBackend
from spinbot.store.keys import Keys
from tests.lab import link, number
from tests.toy_speech import LISTENER, SPEAKER, WRITER

ROOT = Path(__file__).parent.parent
PORTRAIT = ROOT / "spinbot/media/portraits/demo.png"
TALKERS = {"script": WRITER, "tts": SPEAKER, "asr": LISTENER}
SUM = {
    "nodes": {
        "a": number(2),
        "b": number(3),
        "sum": {"type": "toy_add", "inputs": {"left": link("a"), "right": link("b")}},
    },
    "outputs": {"sum": link("sum")},
}
"""A graph whose output `sum` is 5."""


class Api:
    """A running service. `key` is what the client sends; none where no key is required."""

    def __init__(self, backend: LocalBackend, url: str) -> None:
        self.backend = backend
        self.url = url
        self.keys = Keys(backend.engine)

    def client(self, key: str = "", **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)

    def socket(self, path: str = "/v1/events", **options: Any) -> ClientConnection:
        return connect(self.url.replace("http", "ws") + path, **options)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        assert url.port
        return url.host, url.port


@contextmanager
def serving(home: Path, engines: dict[str, str] | None = None, **settings: Any) -> Iterator[Api]:
    """The service, until the block ends."""
    chosen = {"image": "drawn"} | ({"script": toys.TOY, "asr": toys.BROKEN} if engines is None else engines)
    hosts = {
        "language": HostGroup(slots=["script"]),
        "speech": HostGroup(slots=["tts", "asr"]),
        "vision": HostGroup(slots=["image", "face", "talking_head", "upscale"]),
        "media": HostGroup(processes=4),
    }
    with running(LocalBackend(Settings(home=home, engines=chosen, hosts=hosts, **settings))) as api:
        yield api


@contextmanager
def running(backend: LocalBackend) -> Iterator[Api]:
    """A server over a backend, until the block ends."""
    started: asyncio.Event | threading.Event = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    config = uvicorn.Config(build_api(backend), port=0, log_level="error", timeout_graceful_shutdown=1)
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(30), "the server did not start"
        host, port = server.servers[0].sockets[0].getsockname()
        yield Api(backend, f"http://{host}:{port}")
    finally:
        server.should_exit = True
        thread.join()


def submit(client: httpx.Client, graph: dict[str, Any], **more: Any) -> str:
    answer = client.post("/v1/jobs", json={"graph": graph} | more)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    """The job, once it has ended."""
    after = 0
    while True:
        page = client.get(
            f"/v1/jobs/{job}/events", params={"after": after, "wait": 30}, headers={"Accept": "application/json"}
        ).json()
        after = page["last"]
        if page["ended"]:
            found: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
            return found


def stream(client: httpx.Client, job: str, **options: Any) -> list[dict[str, Any]]:
    """The events of a job by SSE until the stream ends."""
    with client.stream("GET", f"/v1/jobs/{job}/events", **options) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]


def gate(path: Path, value: int = 1) -> dict[str, Any]:
    """A graph that waits until a file is there."""
    return {
        "nodes": {"gate": {"type": "toy_gate", "params": {"gate": str(path), "value": value}, "cache": "off"}},
        "outputs": {"gate": link("gate")},
    }
