"""A network that loses connections: forwards to an address and cuts each connection where it is told."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterable

RESET = struct.pack("ii", 1, 0)  # close() then resets the connection


class CuttingProxy:
    """Forwards `address`. Connection n is reset behind `cuts[n]` bytes of answers; those that no cut is for are not."""

    def __init__(self, address: tuple[str, int], cuts: Iterable[int]) -> None:
        self._address = address
        self._cuts = list(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        """Cut all that is left and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for end in self._open:
            _close(end)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            service = socket.create_connection(self._address)
            limit = self._cuts[self.connections] if self.connections < len(self._cuts) else None
            self.connections += 1
            self._open += [client, service]
            for work in ((client, service, None), (service, client, limit)):
                self._threads.append(threading.Thread(target=_pump, args=work))
                self._threads[-1].start()


def _pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    left = limit
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            if left is not None:
                data, left = data[:left], left - len(data)
            target.sendall(data)
            if left is not None and left <= 0:
                target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                break
    _close(source)
    _close(target)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
