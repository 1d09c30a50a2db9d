"""Query parameters that a route does not have are refused: a misspelt one would otherwise mean nothing, silently."""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from spinbot.errors import InputError
from spinbot.graphs.check import suggest


async def only_known(connection: HTTPConnection) -> None:
    """The dependency of every route. Raises `InputError`."""
    route = connection.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = {parameter.alias for parameter in route.dependant.query_params}
    for name in connection.query_params:
        if name not in known:
            fault = {"field": name[:100], "message": "unknown"}
            raise InputError(
                f"there is no query parameter {name[:100]!r} here",
                hint=suggest(name, known),
                code="bad_request_fields",
                details=[fault],
            )
