"""Artifacts and jobs survive and are never seen half-done."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from spinbot.errors import NotFoundError, StorageError
from spinbot.store.artifacts import LocalArtifacts, artifact_ids
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore

GRAPH = {"nodes": {"a": {}, "b": {}}}


@pytest.fixture
def store(database_url: str):
    engine = connect(database_url)
    yield JobStore(engine)
    engine.dispose()


def test_an_artifact_is_named_by_its_content_and_stored_once(tmp_path):
    artifacts = LocalArtifacts(tmp_path / "a")
    (tmp_path / "file").write_bytes(b"hello")
    first, second = artifacts.put_bytes(b"hello"), artifacts.put_file(tmp_path / "file")
    assert first == second == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert artifacts.path(first).read_bytes() == b"hello"
    assert len([path for path in (tmp_path / "a").rglob("*") if path.is_file()]) == 1


def test_a_missing_artifact_is_named(tmp_path):
    artifacts = LocalArtifacts(tmp_path)
    missing = "sha256:" + "0" * 64
    assert missing not in artifacts
    assert "../../etc/passwd" not in artifacts
    with pytest.raises(NotFoundError, match="not in the store"):
        artifacts.path(missing)


def test_artifact_ids_are_found_wherever_they_stand():
    first, second = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    assert list(artifact_ids({"a": [{"b": first}], "c": second, "d": 3, "e": "sha256:short"})) == [first, second]


def test_a_full_disk_leaves_the_store_as_it_was(tmp_path):
    # RLIMIT_FSIZE is the kernel's own way to say that a file may not grow: EFBIG, handled like a full disk.
    program = """
import resource, signal, sys
from pathlib import Path
from spinbot.errors import StorageError
from spinbot.store.artifacts import LocalArtifacts
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
artifacts = LocalArtifacts(Path(sys.argv[1]))
kept = artifacts.put_bytes(b"small")
try:
    artifacts.put_bytes(b"x" * 1_000_000)
except StorageError as error:
    assert artifacts.path(kept).read_bytes() == b"small"
    print(error.code, error.hint)
"""
    run = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("disk_full")
    assert "SPINBOT_HOME" in run.stdout
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_place_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        LocalArtifacts(tmp_path / "file" / "below").put_bytes(b"x")
    assert caught.value.code == "not_writable"


def test_an_unknown_job_is_named(store):
    with pytest.raises(NotFoundError, match="no job 'nope'"):
        store.get("nope")


def test_a_database_that_cannot_be_opened(tmp_path):
    (tmp_path / "jobs.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match="the job database does not work: file is not a database"):
        connect(f"sqlite:///{tmp_path}/jobs.db")
    assert os.listdir(tmp_path) == ["jobs.db"]
