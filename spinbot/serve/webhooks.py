"""Tells URLs how their jobs have ended: signed, retried, and only on hosts that the settings name.

Signed as Standard Webhooks 1.0 has it (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md):
`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from spinbot.disk import whole_file
from spinbot.store.webhooks import Delivery, Webhooks

ANSWER_S = 10.0
LOOK_EVERY_S = 1.0
PREFIX = "whsec_"

log = logging.getLogger(__name__)


def secret_of(home: Path) -> str:
    """The installation's signing secret, `whsec_` and base64, made at first use. Raises `StorageError`."""
    path = home / "webhook-secret"
    if not path.exists():
        with whole_file(path) as part:
            part.chmod(0o600)
            part.write_text(PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text().strip()


def sign(secret: str, delivery: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{delivery}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Sender:
    """Delivers what is due, for ever."""

    def __init__(self, webhooks: Webhooks, secret: str, hosts: list[str]) -> None:
        self._webhooks = webhooks
        self._secret = secret
        self._hosts = frozenset(hosts)

    async def serve(self) -> None:
        """Look for deliveries and make them, side by side. Raises `StorageError`."""
        async with httpx.AsyncClient(timeout=ANSWER_S, follow_redirects=False) as client:
            while True:
                due = await asyncio.to_thread(self._webhooks.claim)
                await asyncio.gather(*(self._deliver(client, delivery) for delivery in due))
                if not due:
                    await asyncio.sleep(LOOK_EVERY_S)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        error = await self._send(client, delivery)
        if error is None:
            await asyncio.to_thread(self._webhooks.delivered, delivery)
            return
        wait_s = await asyncio.to_thread(self._webhooks.failed, delivery, error)
        again = "given up" if wait_s is None else f"again in {wait_s:.0f} s"
        log.warning("webhook of job %s to %s: %s; %s", delivery.job, delivery.url, error, again)

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> str | None:
        """What went wrong, or None."""
        if urlsplit(delivery.url).hostname not in self._hosts:  # the settings may have changed since it was accepted
            return "its host is not one of SPINBOT_WEBHOOK_HOSTS"
        body, now = json.dumps(delivery.payload).encode(), int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._secret, delivery.id, now, body),
        }
        try:
            answer = await client.post(delivery.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
        return None if answer.is_success else f"answered {answer.status_code}"
