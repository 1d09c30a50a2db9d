"""An ASGI application behind Ray Serve's proxy, and deployments beside it. What they do is not known here.

Verified behaviour this rests on (Ray 2.60): a WebSocket holds one of `max_ongoing_requests` for its whole life, so
the limit is high; a request timeout would cut sockets, so there is none; a deployment takes a whole CPU unless it says
`num_cpus=0`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray import serve
from ray.exceptions import RayActorError
from ray.serve.config import HTTPOptions, ProxyLocation
from ray.serve.exceptions import RayServeException

APPLICATION = "spinbot"
MOST_CONNECTIONS = 4000
"""Requests and sockets that one replica holds at a time; beyond that the proxy lets them wait."""

QUIET = {"log_level": "WARNING", "enable_access_log": False}
"""Serve writes a line for each request, in the proxy and in the replica, also where a filter then drops it: 0.2 ms."""

UNANSWERED = (RayActorError, RayServeException)
"""What a call to a deployment raises that died, or has no replica at the moment."""


class Ingress:
    """One replica: builds the application where it runs."""

    def __init__(self, build: Callable[..., Any], arguments: tuple[Any, ...], **beside: Any) -> None:
        self._app = build(*arguments, **beside)

    def __serve_build_asgi_app__(self) -> Any:  # the name is Ray Serve's
        return self._app


def deploy(
    build: Callable[..., Any],
    *arguments: Any,
    host: str,
    port: int,
    replicas: int = 1,
    beside: Mapping[str, tuple[Any, ...]] | None = None,
) -> None:
    """Serve the ASGI application that `build(*arguments, **handles)` makes at `http://host:port/`, once it answers.

    `beside` maps the name of a handle to the class of its deployment, and what that is made with. Everything travels by
    pickle. On a cluster that serves already, replicas are replaced.
    """
    serve.start(
        proxy_location=ProxyLocation.HeadOnly,
        http_options=HTTPOptions(host=host, port=port, request_timeout_s=None),
        logging_config=QUIET,
    )
    ingress = serve.deployment(
        serve.ingress()(Ingress),
        name="api",
        num_replicas=replicas,
        max_ongoing_requests=MOST_CONNECTIONS,
        logging_config=QUIET,
        ray_actor_options={"num_cpus": 0},
    )
    handles = {
        name: serve.deployment(kind, name=name, ray_actor_options={"num_cpus": 0}).bind(*given)
        for name, (kind, *given) in (beside or {}).items()
    }
    serve.run(ingress.bind(build, arguments, **handles), name=APPLICATION, route_prefix="/")


def withdraw() -> None:
    """Stop serving; the services behind it go on."""
    serve.shutdown()
