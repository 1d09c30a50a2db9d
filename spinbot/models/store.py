"""The installed models: one folder each, shared by all processes of a machine.

<root>/<model>/<files of the catalogue entry>
<root>/<model>/.verified.json    see verified.py
<root>/<model>/.parts/           unfinished downloads
<root>/<model>/.lock             held while a process pulls this model
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from spinbot.config import Settings
from spinbot.disk import require_space, storage_errors
from spinbot.errors import CancelledError, ModelError
from spinbot.models.catalogue import Catalogue, FileEntry, ModelEntry, digest, load_catalogue
from spinbot.models.local import PLACES, check_folder, folder_bytes, folder_digest, folders
from spinbot.models.verified import check_files

if TYPE_CHECKING:
    from spinbot.models.fetch import Fetcher

_SIDE_BY_SIDE = 4
"""Models pulled at once; the starter set has five, and the two largest take most of the time."""


class Report(Protocol):
    """Follows a pull."""

    def __call__(self, model: str, file: str, done_bytes: int, total_bytes: int) -> None:
        """`done_bytes` of the `total_bytes` of a file are here. Never called by two threads at once."""


def no_report(model: str, file: str, done_bytes: int, total_bytes: int) -> None:
    """For callers that do not follow the pull."""


class ModelStore:
    """The models of a catalogue, installed under one folder."""

    def __init__(self, root: Path, catalogue: Catalogue, own: Mapping[str, Path] | None = None) -> None:
        """`root` need not exist; see `Settings.models_dir`. `own` are folders of the user's in place of models."""
        self.root = root
        self.catalogue = catalogue
        self._own = dict(own or {})

    @classmethod
    def of(cls, settings: Settings) -> ModelStore:
        """The models of an installation."""
        return cls(settings.models_dir, load_catalogue(), folders(settings))

    def path(self, name: str) -> Path:
        """The folder with all files of a model, at the cost of one `stat` a file once they were hashed.

        Raises `ModelError` with code `model_missing` or `model_damaged`, `NotFoundError`.
        """
        return self._checked(name, afresh=False) if self._catalogued(name) else self._folder(name)

    def verify(self, name: str) -> Path:
        """As `path`, but every byte is hashed again."""
        return self._checked(name, afresh=True)

    def installed(self, name: str) -> bool:
        """Whether `path(name)` gives a folder. Raises `NotFoundError`."""
        try:
            self.path(name)
        except ModelError:
            return False
        return True

    def digest(self, name: str) -> str:
        """Identifies the bytes of all files of a model, installed or not: 64 hex digits. Raises `NotFoundError`.

        Of a folder of the user's it raises `ModelError` where that is none.
        """
        return digest(self.catalogue[name]) if self._catalogued(name) else folder_digest(self._folder(name))

    def memory_bytes(self, name: str) -> int:
        """About how much memory it takes once loaded; 0 of one that the user has not set up."""
        if self._catalogued(name):
            return self.catalogue[name].memory_mb << 20
        return folder_bytes(self._own[name]) if name in self._own else 0

    def check_folders(self, names: Sequence[str]) -> None:
        """Raises `ModelError` where one of the models is a folder that the user has to name, and is not there."""
        for name in names:
            if not self._catalogued(name):
                self._folder(name)

    def lacking(self, name: str) -> list[FileEntry]:
        """What a pull would fetch: files that are missing or damaged. None of a folder of the user's.

        Raises `NotFoundError`.
        """
        return self._lacking(self.catalogue[name]) if self._catalogued(name) else []

    def pull(self, names: Sequence[str], report: Report = no_report, stop: threading.Event | None = None) -> None:
        """Install models, several at a time; where all files are here and whole, no connection is opened.

        May be stopped at any moment and by any means: the next pull goes on where this one stopped. Once `stop` is set
        it raises `CancelledError`. Another process
        that pulls the same model is waited for. Raises `StorageError` before the first byte where the disk is too
        full, `ModelError` naming every file that no source gave and why, or for a folder of the user's that is none,
        `NotFoundError`.
        """
        self.check_folders(names)
        wanted = [self.catalogue[name] for name in dict.fromkeys(names) if self._catalogued(name)]
        entries = [entry for entry in wanted if self._lacking(entry)]
        if not entries:
            return
        require_space(self.root, sum(map(self._space, entries)))
        # Only here: the client libraries take 0.2 s to import, and most commands download nothing.
        from spinbot.models.fetch import Fetcher

        stop = stop or threading.Event()
        turn = threading.Lock()

        def one_at_a_time(model: str, file: str, done_bytes: int, total_bytes: int) -> None:
            with turn:
                report(model, file, done_bytes, total_bytes)

        with closing(Fetcher(stop)) as fetcher, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            pulls = [pool.submit(self._pull_one, entry, fetcher, one_at_a_time, stop) for entry in entries]
            failures = []
            try:
                for pull in as_completed(pulls):
                    # One model's missing source is no reason to stop the others; a full disk is.
                    if isinstance(error := pull.exception(), ModelError):
                        failures.append(error)
                    elif error:
                        raise error
            except BaseException:
                stop.set()
                raise
        if failures:
            raise ModelError(
                "\n".join(error.message for error in failures),
                hint=f"check the network and HF_ENDPOINT, then run: spinbot models pull {' '.join(names)}",
                code="download_failed",
                details=[detail for error in failures for detail in error.details],
            )

    def _catalogued(self, name: str) -> bool:
        """Whether it is the catalogue's: not a folder that the user has named, or would have to."""
        return name not in self._own and (name not in PLACES or PLACES[name].starter)

    def _folder(self, name: str) -> Path:
        """The user's folder. Raises `ModelError`."""
        if name not in self._own:
            raise ModelError(f"no {name} is set up", hint=PLACES[name].remedy, code="model_missing")
        return check_folder(name, self._own[name])

    def _pull_one(self, entry: ModelEntry, fetcher: Fetcher, report: Report, stop: threading.Event) -> None:
        folder = self.root / entry.name
        with _locked(folder, stop):
            for file in self._lacking(entry):  # anew: the process that held the lock may have pulled this model
                fetcher.fetch(file, folder, partial(_tell, report, entry.name, file))
                _tell(report, entry.name, file, file.bytes)
            check_files(folder, entry.files)  # writes the record
            with storage_errors(folder):
                if (folder / ".parts").exists():
                    shutil.rmtree(folder / ".parts")

    def _checked(self, name: str, *, afresh: bool) -> Path:
        entry = self.catalogue[name]
        folder = self.root / name
        states = check_files(folder, entry.files, afresh=afresh)
        for state, what in (("missing", "is not installed"), ("damaged", "is damaged")):
            if paths := [path for path, found in states.items() if found == state]:
                raise ModelError(
                    f"model {name} {what}: {', '.join(paths)}",
                    hint=f"run: spinbot models pull {name}",
                    code=f"model_{state}",
                    details=[{"model": name, "file": path, "state": state} for path in paths],
                )
        return folder

    def _lacking(self, entry: ModelEntry) -> list[FileEntry]:
        """Files that are missing or damaged."""
        states = check_files(self.root / entry.name, entry.files)
        return [file for file in entry.files if states[file.path] != "ok"]

    def _space(self, entry: ModelEntry) -> int:
        """Bytes that pulling a model takes at most: a file and its parts lie side by side for a moment."""
        parts = (self.root / entry.name / ".parts").glob("*")
        return max(0, sum(2 * file.bytes for file in self._lacking(entry)) - sum(part.stat().st_size for part in parts))


def _tell(report: Report, model: str, file: FileEntry, done: int) -> None:
    report(model, file.path, done, file.bytes)


@contextmanager
def _locked(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Hold the model's lock. The system drops it with the process, so a killed pull leaves nothing locked."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    while not lock.is_locked:
        if stop.is_set():
            raise CancelledError("the download was stopped")
        with storage_errors(folder):
            try:
                lock.acquire(timeout=0.5)
            except Timeout:
                continue
    try:
        yield
    finally:
        lock.release()
