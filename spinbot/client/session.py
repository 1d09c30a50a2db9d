"""Requests until they are answered: what is tried again, how long, and what becomes an error."""

from __future__ import annotations

import random
import time

import httpx

from spinbot.client.problems import error_of, unreachable
from spinbot.client.wire import Ask, Reply, Wire

FIRST_S = 1.0
"""A service that has never answered is not waited for longer: it is probably not there."""
PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Pauses:
    """Waits between attempts, each twice as long as the one before, until `patience_s` seconds brought no success."""

    def __init__(self, wire: Wire, patience_s: float) -> None:
        self._wire = wire
        self._patience_s = patience_s
        self.reset()

    def reset(self) -> None:
        """There was a success."""
        self._since = time.monotonic()
        self._next = PAUSE_S

    async def pause(self, at_least_s: float = 0.0) -> bool:
        """Wait; false without waiting when patience is at its end."""
        seconds = max(at_least_s, self._next * random.uniform(0.5, 1.0))  # so that many clients do not come at once
        if time.monotonic() + seconds > self._since + self._patience_s:
            return False
        self._next = min(2 * self._next, LONGEST_PAUSE_S)
        await self._wire.sleep(seconds)
        return True


class Session:
    """The requests of one client."""

    def __init__(self, wire: Wire, patience_s: float) -> None:
        self.wire = wire
        self._patience_s = patience_s
        self._answered = False

    def pauses(self) -> Pauses:
        """For one request, or one stream."""
        return Pauses(self.wire, self._patience_s if self._answered else min(FIRST_S, self._patience_s))

    async def call(self, ask: Ask) -> bytes:
        """The body of the answer. Raises `SpinbotError`: the service's, or `unreachable`."""
        pauses = self.pauses()
        while True:
            reply = await self.open(ask, pauses)
            try:
                return await reply.read()
            except httpx.TransportError as error:
                if not ask.repeatable or not await pauses.pause():
                    raise unreachable(self.wire.url, error) from error
            finally:
                await reply.close()

    async def open(self, ask: Ask, pauses: Pauses | None = None) -> Reply:
        """The answer with its body still to come; the caller closes it. Raises as `call` does.

        Tried again: whatever did not reach the service or was too much for it (429); and where that does no harm, what
        broke off and what found the service unable (503).
        """
        pauses = pauses or self.pauses()
        while True:
            try:
                reply = await self.wire.send(ask)
            except httpx.TransportError as error:
                again = ask.repeatable or isinstance(error, _NOT_SENT)
                if not again or not await pauses.pause():
                    raise unreachable(self.wire.url, error) from error
                continue
            self._answered = True
            if reply.status < 400:
                return reply
            problem = await _problem(reply, self.wire.url)
            again = reply.status == 429 or (reply.status == 503 and ask.repeatable)
            if not again or not await pauses.pause(_retry_after(reply)):
                raise problem


async def _problem(reply: Reply, url: str) -> Exception:
    try:
        return error_of(reply.status, await reply.read())
    except httpx.TransportError as error:
        return unreachable(url, error)
    finally:
        await reply.close()


def _retry_after(reply: Reply) -> float:
    """Seconds that the service asks to wait (RFC 9110, 10.2.3); a date is passed over."""
    given = reply.headers.get("retry-after", "")
    return float(given) if given.isdecimal() else 0.0
