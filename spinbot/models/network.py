"""HTTP for downloads: byte ranges, short connects, and a memory of the hosts that do not answer.

Knows nothing of models, hubs or wheels. Ranges are those of RFC 9110, section 14.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy

CONNECT_SECONDS = 3.0
"""A host that takes longer is not there: the user has a second source, and waits for the answer."""
READ_SECONDS = 20.0
"""Silence within an answer that counts as a broken connection."""
CHUNK = 1 << 16
"""Bytes read at once. A connection that breaks loses at most as many, which are asked for again."""


class SourceError(Exception):
    """One source cannot give a file; the text says why. The next source may. `status` is HTTP's, or 0."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class BrokenConnectionError(SourceError):
    """The transfer stopped half-way, or the server is busy; asking once more may help."""


DEAD_SECONDS = 60.0
"""With a dead hub, the first file costs CONNECT_SECONDS and the others nothing; a service asks again another time."""

# "" for a host that answered, else why not; and when that was.
_hosts: dict[tuple[str, int], tuple[str, float]] = {}
_dialling = threading.Lock()


class Client:
    """HTTP connections with one set of proxy and certificate settings.

    Empty settings leave it to the environment (`HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`,
    `~/.netrc`). May be used by several threads.
    """

    def __init__(self, *, proxy: str = "", cert: str = "", client_cert: str = "") -> None:
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _SystemTrust())
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._options: dict[str, Any] = {
            "proxies": self._proxies or None,
            "verify": cert or None,
            "cert": client_cert or None,
        }

    def close(self) -> None:
        """Drop all connections."""
        self._session.close()

    @contextmanager
    def get(self, url: str, *, span: str = "", headers: Mapping[str, str] | None = None) -> Iterator[requests.Response]:
        """Ask for `url`, or for its `span` (`bytes=0-99`, `bytes=-100`); the answer's status is 200 or 206.

        A server may ignore the span and answer 200 with everything. Raises `SourceError`.
        """
        host = self._reach(url)
        # identity: a compressed answer would give the span of another stream of bytes.
        sent = {"Accept-Encoding": "identity", **({"Range": span} if span else {}), **(headers or {})}
        try:
            response = self._session.get(
                url, headers=sent, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), **self._options
            )
        except requests.RequestException as error:
            raise _explain(error, host) from error
        with response:
            if response.status_code in (408, 429) or response.status_code >= 500:
                raise BrokenConnectionError(f"{host} answered HTTP {response.status_code}", response.status_code)
            if response.status_code not in (200, 206):
                raise SourceError(f"{host} answered HTTP {response.status_code}", response.status_code)
            yield response

    def _reach(self, url: str) -> str:
        """The host of `url`. Raises `SourceError` where it, or the proxy before it, takes no connection."""
        proxy = select_proxy(url, {**get_environ_proxies(url), **self._proxies})
        where = urlsplit(proxy or url)
        host = where.hostname or ""
        port = where.port or (443 if where.scheme == "https" else 80)
        with _dialling:
            reason, since = _hosts.get((host, port), ("unknown", -DEAD_SECONDS))
            if reason and time.monotonic() - since >= DEAD_SECONDS:
                reason = _dial(host, port)
                _hosts[host, port] = reason, time.monotonic()
            if reason:
                raise SourceError(f"{'proxy ' if proxy else ''}{host} cannot be reached ({reason})")
        return urlsplit(url).hostname or ""


def chunks(response: requests.Response) -> Iterator[bytes]:
    """The body in pieces of at most `CHUNK` bytes. Raises `BrokenConnectionError` where it ends early."""
    host = urlsplit(response.url).hostname or ""
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise BrokenConnectionError(str(_explain(error, host))) from error


class _SystemTrust(HTTPAdapter):
    """Trusts the system's certificate authorities beside those that come with `requests`, as pip and browsers do."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=ssl.create_default_context(), **kwargs)


def _dial(host: str, port: int) -> str:
    """Why no connection can be had within `CONNECT_SECONDS`, or "".

    In a thread of its own: a name server that hangs, or a host with many addresses, would each take longer.
    """
    answer: queue.SimpleQueue[str] = queue.SimpleQueue()

    def dial() -> None:
        try:
            socket.create_connection((host, port), CONNECT_SECONDS).close()
            answer.put("")
        except OSError as error:
            answer.put(error.strerror or str(error))

    threading.Thread(target=dial, daemon=True).start()
    try:
        return answer.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        return f"no answer within {CONNECT_SECONDS:.0f} s"


def _explain(error: requests.RequestException, host: str) -> SourceError:
    """What happened, in words; the text of `requests` is long and holds the URL, with any password in it."""
    if isinstance(error, requests.exceptions.SSLError):
        return SourceError(f"the certificate of {host} is not trusted; REQUESTS_CA_BUNDLE can name your authority")
    if isinstance(error, requests.exceptions.ProxyError):
        return SourceError(f"the proxy refuses {host}")
    if isinstance(error, requests.Timeout):
        return BrokenConnectionError(f"{host} went silent")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return BrokenConnectionError(f"{host} broke the connection")
    return SourceError(f"{host}: {type(error).__name__}")
