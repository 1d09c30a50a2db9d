"""Installing a model while the service runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.errors import CancelledError
from spinbot.graphs import values
from spinbot.graphs.graph import SCHEMA
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.template import link
from spinbot.models.catalogue import FileEntry
from spinbot.models.store import ModelStore

LOOK_S = 0.2
"""How often the download is looked at: so soon a cancelled one begins to stop."""


@node("fetch_model", admin=True)
class FetchModel(Node):
    """Install a model of the catalogue on the machine that runs this, each file checked against its sha256.

    What is installed is not fetched again, what broke off is gone on with. Over HTTP it needs a key with scope admin.
    """

    model: str = Field(min_length=1, max_length=200, description="A name of the catalogue")

    class Outputs(Ports):
        """The model."""

        installed: values.InstalledModel

    def run(self, context: CallContext) -> Outputs:
        """Fetch what is missing. Raises `NotFoundError`, `ModelError`, `StorageError`."""
        store = context.models
        entry = store.catalogue[self.model]
        if lacking := store.lacking(self.model):
            context.note(f"{entry.title}; licence {entry.licence}")
            _fetch(store, self.model, lacking, context)
        store.path(self.model)
        digest = store.digest(self.model)
        return self.Outputs(
            installed=values.InstalledModel(name=self.model, digest=digest, bytes=entry.bytes, licence=entry.licence)
        )


def _fetch(store: ModelStore, model: str, lacking: list[FileEntry], context: CallContext) -> None:
    """Fetch files in a thread of its own, so that a connection that went silent does not keep a cancel waiting."""
    here = {file.path: 0 for file in lacking}
    total = max(1, sum(file.bytes for file in lacking))
    stop = threading.Event()

    def report(model: str, file: str, done_bytes: int, total_bytes: int) -> None:
        here[file] = done_bytes

    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(store.pull, [model], report, stop)
        try:
            while not wait([work], timeout=LOOK_S).done:
                done = sum(here.values())
                context.progress(done / total, f"{done / 1e6:.1f} of {total / 1e6:.1f} MB")
        except CancelledError:
            stop.set()
            raise
    work.result()


def fetching(model: str) -> dict[str, Any]:
    """The graph document that installs a model. Never from the cache: the files may have gone since."""
    return {
        "schema": SCHEMA,
        "name": FetchModel.type,
        "title": model,
        "nodes": {"fetch": {"type": FetchModel.type, "params": {"model": model}, "cache": "off"}},
        "outputs": {"installed": link("fetch", "installed")},
    }
