"""An ASGI application behind Ray Serve's proxy. What the application does is not known here.

Verified behaviour this rests on (Ray 2.60): a WebSocket holds one of `max_ongoing_requests` for its whole life, so
the limit is high; a request timeout would cut sockets, so there is none; a deployment takes a whole CPU unless it says
`num_cpus=0`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray import serve
from ray.serve.config import HTTPOptions, ProxyLocation

APPLICATION = "spinbot"
MOST_CONNECTIONS = 4000
"""Requests and sockets that one replica holds at a time; beyond that the proxy lets them wait."""


class Ingress:
    """One replica: builds the application where it runs."""

    def __init__(self, build: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._app = build(*arguments)

    def __serve_build_asgi_app__(self) -> Any:  # the name is Ray Serve's
        return self._app


def deploy(build: Callable[..., Any], *arguments: Any, host: str, port: int, replicas: int = 1) -> None:
    """Serve the ASGI application that `build(*arguments)` makes at `http://host:port/`; returns when it answers.

    `build` and `arguments` travel to the replicas by pickle. On a cluster that serves already, replicas are replaced.
    """
    serve.start(
        proxy_location=ProxyLocation.HeadOnly,
        http_options=HTTPOptions(host=host, port=port, request_timeout_s=None),
        logging_config={"enable_access_log": False},
    )
    ingress = serve.deployment(
        serve.ingress()(Ingress),
        name="api",
        num_replicas=replicas,
        max_ongoing_requests=MOST_CONNECTIONS,
        ray_actor_options={"num_cpus": 0},
    )
    serve.run(ingress.bind(build, arguments), name=APPLICATION, route_prefix="/")


def withdraw() -> None:
    """Stop serving; the services behind it go on."""
    serve.shutdown()
