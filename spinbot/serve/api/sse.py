"""Server-sent events: their media type, what is said before and between them, and how a route documents them."""

from __future__ import annotations

from typing import Any

STREAM = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BEGIN = "retry: 1000\n\n"
"""What a stream begins with: milliseconds after which a browser tries again."""
PING = ": ping\n\n"
PING_S = 15.0
"""Proxies end connections that say nothing for a minute."""


EVENT = {"$ref": "#/components/schemas/EventOut"}
"""The schema of an event of a job."""


def streamed(*payloads: dict[str, Any]) -> dict[str, Any]:
    """The content of an answer that is a stream, as the document has it.

    `payloads`: schemas that the data of an event follows, as JSON; without any it is a text. `itemSchema` is a keyword
    of OpenAPI 3.2 for one event of many, and the shape of an event the one that its chapter on such streams gives.
    """
    data: dict[str, Any] = {"type": "string"}
    if payloads:
        data |= {"contentMediaType": "application/json", "contentSchema": {"anyOf": list(payloads)}}
    fields = {"data": data, "event": {"type": "string"}, "id": {"type": "string"}, "retry": {"type": "integer"}}
    return {STREAM: {"itemSchema": {"type": "object", "required": ["data"], "properties": fields}}}
