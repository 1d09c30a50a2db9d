"""A real HTTP server for download tests: files, byte ranges, and the ways in which servers fail."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file on the server, and how the server behaves for it."""

    data: bytes
    ranges: bool = True
    """Whether byte ranges are obeyed, or everything is sent each time."""
    die_after: list[int] = field(default_factory=list)
    """For each coming request: after how many bytes of the body the connection drops; whole where none is left."""
    stall_after: int = -1
    """After so many bytes of a body, wait for `release`."""
    release: threading.Event = field(default_factory=threading.Event)
    busy: int = 0
    """How many coming requests are answered with HTTP 503."""
    redirect: str = ""
    type: str = "text/html"


@dataclass
class Request:
    path: str
    range: str
    authorization: str
    sent: int = 0


class FileServer:
    """Serves `files` by path on 127.0.0.1 and keeps every request."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[Request] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        for served in self.files.values():
            served.release.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def add(self, path: str, data: bytes, **how) -> Served:
        self.files[path] = Served(data, **how)
        return self.files[path]

    def add_wheel(
        self, name: str, version: str, members: dict[str, bytes], *, kind=zipfile.ZIP_DEFLATED, **how
    ) -> Served:
        """Put a wheel on the server and on its package index page."""
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        self.add(f"/simple/{name}/", f'<a href="../../files/{file}#sha256=0">{file}</a>'.encode())
        return self.add(f"/files/{file}", make_wheel(members, kind), **how)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def sent(self, prefix: str = "/") -> int:
        return sum(request.sent for request in self.requests if request.path.startswith(prefix))

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        span = handler.headers.get("Range", "")
        request = Request(handler.path, span, handler.headers.get("Authorization", ""))
        self.requests.append(request)
        served = self.files.get(handler.path)
        if served is None or served.busy or served.redirect:
            handler.send_response(404 if served is None else 503 if served.busy else 307)
            if served and served.busy:
                served.busy -= 1
            elif served:
                handler.send_header("Location", served.redirect)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        size = len(served.data)
        start, stop = 0, size
        if span and served.ranges:
            first, _, last = span.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, size - int(last))
            stop = min(size, int(last) + 1) if first and last else size
            if start >= size:
                handler.send_response(416)
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Type", served.type)
        handler.send_header("Content-Length", str(stop - start))
        handler.end_headers()
        body = served.data[start:stop]
        stall = served.stall_after
        dies = served.die_after.pop(0) if served.die_after else None
        cut = dies if dies is not None else stall if 0 <= stall < len(body) else len(body)
        try:
            handler.wfile.write(body[:cut])
            request.sent = len(body[:cut])
            if dies is None and cut < len(body):
                served.release.wait()
                handler.wfile.write(body[cut:])
                request.sent = len(body)
        except ConnectionError:  # the client was killed
            handler.close_connection = True
        if dies is not None:
            handler.close_connection = True


def make_wheel(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def noise(count: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, so that sizes on the wire can be reckoned with."""
    return hashlib.shake_128(bytes([seed])).digest(count)
