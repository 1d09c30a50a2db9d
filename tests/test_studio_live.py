"""Events on their way through the studio's server, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from app_streamlit.routes import live
from spinbot.client import Event
from spinbot.errors import SpinbotError


class Failing:
    """A service that tells of one event and is then lost."""

    async def watch(self) -> AsyncIterator[Event | None]:
        yield Event(job="3f2a9c41d7e0", seq=1, time=0.0, kind="job.queued")
        raise SpinbotError("it does not answer", code="unreachable")


def test_a_service_that_is_lost_is_an_error_to_every_page_and_no_end():
    """A socket that ends is not opened again by the page; one that fails is."""

    async def heard(client: Failing) -> str:
        try:
            async for _message in live._of_all(client):
                pass
        except SpinbotError as error:
            return error.code
        return "ended"

    async def story() -> list[str]:
        client = Failing()
        return await asyncio.gather(heard(client), heard(client))

    assert asyncio.run(story()) == ["unreachable", "unreachable"]
    assert not live._broadcasts
