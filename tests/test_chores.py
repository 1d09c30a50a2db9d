"""What the service does besides jobs: webhooks that receivers can trust, and forgetting what is old."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from spinbot.config import QueueLimits
from spinbot.errors import NotFoundError
from spinbot.serve.sweep import sweep
from spinbot.serve.webhooks import Sender, secret_of, sign
from spinbot.store.prune import Cache
from spinbot.store.webhooks import Webhooks
from tests.lab import Lab, number


@dataclass
class Receiver:
    """A server that takes webhooks and answers as it is told."""

    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


def finished(lab: Lab, webhook: str) -> str:
    graph = {
        "schema": "spinbot.graph/v1",
        "nodes": {"a": number(1)},
        "outputs": {"n": {"node": "a", "output": "number"}},
    }
    job = lab.jobs.create("toy", graph, webhook=webhook)
    lab.wait(lab.runner.run(job))
    return job


def send(lab: Lab, hosts: list[str], until: int, receiver: Receiver) -> None:
    """Let a sender work until the receiver has heard so often, and each delivery is settled."""
    hooks = Webhooks(lab.database)
    sender = Sender(hooks, secret_of(lab.settings.root), hosts)

    async def story() -> None:
        serving = asyncio.create_task(sender.serve())
        while len(receiver.heard) < until or not settled(lab):
            # What waits to be tried again (5 s, then 20) is due now; what is being sent (claimed for 60 s) is not.
            with lab.database.begin() as connection:
                due = "UPDATE webhooks SET next_at = 0 WHERE error IS NOT NULL AND next_at < :soon"
                connection.execute(text(due), {"soon": time.time() + 30})
            await asyncio.sleep(0.02)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    lab.wait(story())


def settled(lab: Lab) -> bool:
    with lab.database.connect() as connection:
        return all(row.next_at is None for row in connection.execute(text("SELECT next_at FROM webhooks")))


def test_a_webhook_is_signed_and_sent_again_until_it_is_taken(lab, receiver):
    receiver.answers = [500, 302]
    job = finished(lab, receiver.url)
    send(lab, ["127.0.0.1"], 3, receiver)
    assert len(receiver.heard) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    headers, body = receiver.heard[-1]
    told = json.loads(body)
    assert (told["type"], told["job"], told["outputs"]) == ("job.succeeded", job, {"n": {"value": 1}})
    expected = sign(secret_of(lab.settings.root), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected
    (hook,) = Webhooks(lab.database).of(job)
    assert hook.delivered
    assert hook.attempts == 3


def test_a_host_that_the_settings_do_not_name_is_never_asked(lab, receiver):
    job = finished(lab, receiver.url)
    hooks = Webhooks(lab.database)
    sender = Sender(hooks, secret_of(lab.settings.root), ["example.org"])

    async def story() -> None:
        serving = asyncio.create_task(sender.serve())
        while hooks.of(job)[0].error is None:
            await asyncio.sleep(0.02)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    lab.wait(story())
    assert receiver.heard == []
    assert "SPINBOT_WEBHOOK_HOSTS" in (hooks.of(job)[0].error or "")


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path):
    secret = secret_of(tmp_path)
    assert secret.startswith("whsec_")
    assert secret_of(tmp_path) == secret
    assert (tmp_path / "webhook-secret").stat().st_mode & 0o777 == 0o600


def test_jobs_that_ended_long_ago_are_forgotten_and_others_kept(lab):
    old, young = (lab.run({"a": number(n)}).id for n in (1, 2))
    waiting = lab.submit({"a": number(3)})
    with lab.database.begin() as connection:
        then = {"then": time.time() - 3 * 86400, "job": old}
        connection.execute(text("UPDATE jobs SET finished = :then WHERE id = :job"), then)
    cache = Cache(lab.jobs, lab.artifacts)
    assert sweep(lab.jobs, cache, QueueLimits()) == 0
    assert sweep(lab.jobs, cache, QueueLimits(keep_days=2)) == 1
    with pytest.raises(NotFoundError):
        lab.jobs.get(old)
    assert [lab.jobs.get(job).state for job in (young, waiting)] == ["succeeded", "queued"]
