"""What a stored job costs over HTTP: `POST /v1/jobs` (checked, stored, event written) against doing nothing.

    bare     FastAPI on uvicorn with an endpoint that takes a JSON object and answers {"ok": true}, without Ray
    serve    the same endpoint on Ray Serve as it comes: the same proxy, nothing behind it
    unread   an endpoint there that does not even look at what is sent to it
    tuned    `serve` with the settings that spinbot gives to Ray Serve
    jobs     POST /v1/jobs of a real `spinbot up`, with the queue paused so that no job takes the cores
    past     the same at the socket past the proxy, which GET /v1/events names

In turns on the same machine, by the same client, with the same body: raw HTTP/1.1 over kept connections. All are up at
once, and each round has each of them, since this minute's machine is not the next one's. To read a body a replica calls
the proxy back, which doubles what a request costs: that is why there is an endpoint for each. At the end 10,000 jobs
or more are stored, and lists of them are asked for.

    python benchmarks/api.py [--rounds 5] [--seconds 3] [--connections 16]

Bars: at least 0.6 of the throughput of the trivial Serve endpoint, p50 at most 8 ms over it; lists p95 at most 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from service import Service, service

THROUGHPUT, OVER_MS, LIST_MS = 0.6, 8.0, 50.0
STORED = 10_000
UNLIMITED = dict.fromkeys(("SPINBOT_API__RATE", "SPINBOT_API__BURST", "SPINBOT_QUEUE__OPEN_OF_OWNER"), "1000000")

TRIVIAL = """
import sys
from fastapi import FastAPI

def build():
    app = FastAPI()

    @app.post("/read")
    async def read(body: dict) -> dict[str, bool]:
        return {"ok": True}

    @app.post("/unread")
    async def unread() -> dict[str, bool]:
        return {"ok": True}

    return app

if sys.argv[1] == "bare":
    import uvicorn
    uvicorn.run(build(), port=int(sys.argv[2]), log_level="warning", access_log=False)
elif sys.argv[1] == "tuned":
    import threading
    from pathlib import Path
    from spinbot.actors.ray.serving import deploy
    from spinbot.actors.ray.session import RaySession
    from spinbot.config import Settings
    RaySession(Settings(home=Path(sys.argv[3]))).wait()
    deploy(build, host="127.0.0.1", port=int(sys.argv[2]))
    threading.Event().wait()
else:
    import logging
    import ray
    from ray import serve
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    ray.init(address="local", object_store_memory=256 << 20, _temp_dir=sys.argv[3], **quiet)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[2])})

    @serve.deployment(max_ongoing_requests=1000)
    @serve.ingress(build())
    class Trivial:
        pass

    serve.run(Trivial.bind(), blocking=True)
"""


class Connection:
    """One kept connection that asks the same again and again."""

    def __init__(self, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        head = f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        self.request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self.took: list[float] = []

    async def ask(self, until: float) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(self.request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            status = head.split(" ", 2)[1]
            assert status in ("200", "202"), head
            length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
            await reader.readexactly(int(length.split(":")[1]))
            self.took.append(time.perf_counter() - began)
        writer.close()


Load = tuple[float, float, float]


async def load(url: str, body: bytes, connections: int, seconds: float) -> Load:
    """Requests a second with all connections; p50 and p99 in ms with a single one."""
    await Connection(url, body).ask(time.perf_counter() + 1)  # warm-up
    alone = Connection(url, body)
    await alone.ask(time.perf_counter() + seconds / 2)
    many = [Connection(url, body) for _ in range(connections)]
    began = time.perf_counter()
    await asyncio.gather(*(connection.ask(began + seconds) for connection in many))
    rate = sum(len(connection.took) for connection in many) / (time.perf_counter() - began)
    return rate, statistics.median(alone.took) * 1e3, statistics.quantiles(alone.took, n=100)[98] * 1e3


@contextmanager
def trivial(kind: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tr", dir="/tmp") as folder:
        port = Service(Path(folder)).port
        command = [sys.executable, "-c", TRIVIAL, kind, str(port), folder]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ)
        try:
            while True:
                try:
                    if httpx.post(f"http://127.0.0.1:{port}/unread").is_success:
                        break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def graph() -> bytes:
    """A small real one: a script, its speech, and the captions."""
    link = {"node": "speech", "output": "speech"}
    nodes = {
        "script": {"type": "given_script", "params": {"text": "Hello there. This is a stored job."}},
        "speech": {"type": "speak", "inputs": {"script": {"node": "script", "output": "script"}}},
        "captions": {"type": "caption", "inputs": {"speech": link}},
    }
    outputs = {"captions": {"node": "captions", "output": "captions"}}
    return json.dumps({"graph": {"schema": "spinbot.graph/v1", "nodes": nodes, "outputs": outputs}}).encode()


def lists(url: str) -> dict[str, float]:
    """p95 in ms of some lists of 10,000 jobs."""
    with httpx.Client(base_url=url, timeout=60) as client:
        while (client.get("/v1/jobs?limit=1").json()["total"]) < STORED:
            client.post("/v1/jobs", content=graph(), headers={"content-type": "application/json"}).raise_for_status()
        found = {}
        for query in ("?limit=50", "?status=queued&limit=50", "?status=failed", "?q=graph&limit=50", "?q=nothing"):
            took = []
            for _ in range(60):
                began = time.perf_counter()
                client.get(f"/v1/jobs{query}").raise_for_status()
                took.append((time.perf_counter() - began) * 1e3)
            found[query] = statistics.quantiles(took, n=20)[18]
        return found


def against(found: dict[str, list[Load]], ours: str, theirs: str) -> tuple[float, float]:
    """Share of the throughput and difference of the p50, each round by itself: medians."""
    rounds = list(zip(found[ours], found[theirs], strict=True))
    share = statistics.median(one[0] / other[0] for one, other in rounds)
    return share, statistics.median(one[1] - other[1] for one, other in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="of each endpoint in each round (default: 3)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    found: dict[str, list[Load]] = defaultdict(list)
    with (
        trivial("bare") as bare,
        trivial("serve") as serve,
        trivial("tuned") as tuned,
        service(**UNLIMITED) as running,
    ):
        httpx.post(f"{running.url}/v1/queue/pause").raise_for_status()
        door = urlsplit(httpx.get(f"{running.url}/v1/events").json()["url"]).netloc
        asked = {"bare": f"{bare}/read", "serve": f"{serve}/read", "unread": f"{serve}/unread"}
        asked |= {"tuned": f"{tuned}/read"}
        asked |= {"jobs": f"{running.url}/v1/jobs", "past": f"http://{door}/v1/jobs"}
        for _ in range(options.rounds):
            for kind, url in asked.items():
                found[kind].append(asyncio.run(load(url, graph(), options.connections, options.seconds)))
                print(f"  {kind} {found[kind][-1][0]:.0f}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        slow = lists(running.url)
    print(f"{'':8}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}   medians of {options.rounds} rounds")
    for kind, loads in found.items():
        rate, p50, p99 = (statistics.median(figures) for figures in zip(*loads, strict=True))
        print(f"{kind:8}{rate:12.0f}{p50:9.2f}{p99:9.2f}")
    share, over = against(found, "jobs", "serve")
    others = ", ".join(f"jobs / {kind} {against(found, 'jobs', kind)[0]:.2f}" for kind in ("tuned", "unread", "bare"))
    print(f"jobs / serve {share:.2f}, p50 {over:+.2f} ms over serve; {others}")
    past, later = against(found, "past", "serve")
    print(f"past / serve {past:.2f}, p50 {later:+.2f} ms over serve")
    print("pass" if share >= THROUGHPUT and over <= OVER_MS else "FAIL", f"(>= {THROUGHPUT:g}, <= {OVER_MS:g} ms)")
    for query, p95 in slow.items():
        print(f"{STORED} jobs, GET /v1/jobs{query}: p95 {p95:.1f} ms  {'pass' if p95 <= LIST_MS else 'FAIL'}")


if __name__ == "__main__":
    main()
