"""A Postgres server of the tests' own: in a temporary folder, on a free port, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psycopg

USER = "spinbot"
OPTIONS = (
    "fsync=off",
    "full_page_writes=off",
    "max_connections=60",
    "shared_buffers=32MB",
    "listen_addresses='127.0.0.1'",
)


def programs() -> Path:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if found:
        return found[-1]
    on_path = shutil.which("initdb")
    assert on_path, "no Postgres server is installed: apt-get install postgresql"
    return Path(on_path).parent


class Postgres:
    """`start` and `stop` may be called again and again; the data stays until `remove`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sbpg-", dir="/tmp"))  # a socket's path has 107 characters at most
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self.folder, "postgres" if _exists("postgres") else "nobody")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._run("initdb", "--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("\n".join((*OPTIONS, f"port={self.port}", f"unix_socket_directories='{self.folder}'", "")))

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"))

    def stop(self) -> None:
        """At once: open connections are broken."""
        self._run("pg_ctl", "stop", "--wait", "--mode", "immediate")

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(programs() / program), "-D", str(self.folder / "data"), *arguments]
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = self.folder.stat()
            account = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        # Its output goes to a file: a server that is started in the background would hold a pipe open.
        with tempfile.TemporaryFile() as said:
            run = subprocess.run(command, stdout=said, stderr=said, cwd=self.folder, check=False, **account)
            said.seek(0)
            assert run.returncode == 0, said.read().decode()


def _exists(user: str) -> bool:
    return user in {entry.pw_name for entry in pwd.getpwall()}
