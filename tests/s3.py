"""An S3 server of the tests' own (moto, in a process of its own), and a network in front of it that can break."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from typing import Any

import boto3

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_REGION": REGION}


class S3Server:
    """Holds everything in memory: what was stored is gone with `stop`."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        running = threading.Event()
        said: list[str] = []

        def listen() -> None:
            assert process.stderr is not None
            with process.stderr:
                for line in process.stderr:
                    said.append(line)
                    if "Running on" in line:
                        running.set()
            running.set()  # it has ended

        self._listener = threading.Thread(target=listen)
        self._listener.start()
        running.wait()
        assert process.poll() is None, "".join(said)
        self._process = process

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._listener.join()
            self._process = None

    def freeze(self) -> None:
        """It answers nothing any more, and keeps what it has."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def environment(self, url: str = "") -> dict[str, str]:
        """What a program needs to use it."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": url or self.url}

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def bucket(self, name: str) -> str:
        """Make a bucket and return its URL."""
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return f"s3://{name}"


class Network:
    """A way to the server that loses connections: `cuts` are the bytes of the coming answers that still arrive."""

    def __init__(self, port: int) -> None:
        self.cuts: list[int] = []
        network = self

        class Relay(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as server:
                    up = threading.Thread(target=_pass_on, args=(self.request, server))
                    up.start()
                    left = network.cuts.pop(0) if network.cuts else sys.maxsize
                    _pass_on(server, self.request, left)
                    for end in (self.request, server):
                        with contextlib.suppress(OSError):
                            end.shutdown(socket.SHUT_RDWR)
                    up.join()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _pass_on(source: socket.socket, target: socket.socket, left: int = sys.maxsize) -> None:
    with contextlib.suppress(OSError):
        while left > 0 and (data := source.recv(min(65536, left))):
            target.sendall(data)
            left -= len(data)
        target.shutdown(socket.SHUT_WR)


def free_of_aws() -> list[str]:
    """Variables of this machine that would lead a test elsewhere."""
    return [name for name in os.environ if name.startswith("AWS_")]
