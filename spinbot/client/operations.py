"""What the groups of operations have in common: a session, and answers that become objects."""

from __future__ import annotations

from typing import TypeVar

from spinbot.client.models import Answer, Page
from spinbot.client.session import Session
from spinbot.client.wire import Ask

T = TypeVar("T", bound=Answer)


class Operations:
    """Base of the groups of operations that make up a client."""

    _session: Session

    async def _get(self, kind: type[T], ask: Ask) -> T:
        return kind.model_validate_json(await self._session.call(ask))

    async def _list(self, kind: type[T], ask: Ask) -> list[T]:
        return [kind.model_validate(row) for row in (await self._get(Page, ask)).data]
