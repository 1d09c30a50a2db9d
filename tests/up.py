"""`spinbot up` as a process, for as long as a block runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def up(*options: str, **environment: str) -> Iterator[None]:
    """The service, started with these options, until the block ends; inside, it answers."""
    command = [sys.executable, "-m", "spinbot.cli.main", "up", *options]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | environment
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "answers at" in line:
                break
        else:
            raise AssertionError("".join(said))
        rest = threading.Thread(target=process.stderr.read)  # or the pipe fills up
        rest.start()
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            rest.join()
