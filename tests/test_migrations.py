"""A job database of any earlier version is brought up to date when it is opened, and keeps what is in it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from spinbot.errors import StorageError
from spinbot.store.database import VERSION, connect, metadata
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger
from spinbot.store.uploads import Uploads

FIRST = """
CREATE TABLE jobs (
    id VARCHAR(32) PRIMARY KEY, name VARCHAR(200) NOT NULL, graph JSON NOT NULL, state VARCHAR(16) NOT NULL, error JSON,
    outputs JSON, events INTEGER NOT NULL, created FLOAT NOT NULL, started FLOAT, finished FLOAT);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE TABLE node_runs (
    job VARCHAR(32) REFERENCES jobs (id) ON DELETE CASCADE, node VARCHAR(100), state VARCHAR(16) NOT NULL,
    attempt INTEGER NOT NULL, key VARCHAR(64), outputs JSON, engines JSON, error JSON, started FLOAT, finished FLOAT,
    PRIMARY KEY (job, node));
CREATE TABLE events (
    job VARCHAR(32) REFERENCES jobs (id) ON DELETE CASCADE, seq INTEGER, time FLOAT NOT NULL, kind VARCHAR(32) NOT NULL,
    node VARCHAR(100), data JSON NOT NULL, PRIMARY KEY (job, seq));
CREATE TABLE results (key VARCHAR(64) PRIMARY KEY, outputs JSON NOT NULL, created FLOAT NOT NULL);
INSERT INTO jobs VALUES ('j', 'toy', '{"nodes": {"a": {}}}', 'queued', NULL, NULL, 1, 1.5, NULL, NULL);
INSERT INTO node_runs VALUES ('j', 'a', 'pending', 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO events VALUES ('j', 1, 1.5, 'job.queued', NULL, '{"name": "toy"}');
INSERT INTO results VALUES ('k', '{"x": 1}', 2.5);
"""


def first_version(path: Path) -> str:
    """A database as the first version of the program left it."""
    with sqlite3.connect(path) as old:
        old.executescript(FIRST)
    old.close()
    return f"sqlite:///{path}"


def test_a_database_of_the_first_version_keeps_what_is_in_it(tmp_path):
    engine = connect(first_version(tmp_path / "jobs.db"))
    store = JobStore(engine)
    job = store.get("j")
    assert (job.name, job.state, job.graph, job.created) == ("toy", "queued", {"nodes": {"a": {}}}, 1.5)
    assert (job.priority, job.epoch, job.wish, job.nodes["a"].state) == (0, 0, None, "pending")
    assert [(event.seq, event.kind, event.data) for event in store.events("j")] == [(1, "job.queued", {"name": "toy"})]
    assert Ledger(store, lease_s=60).known(["k"]) == {"k": {"x": 1}}
    engine.dispose()


def test_the_jobs_of_a_former_version_belong_to_the_local_owner_with_their_files(tmp_path):
    url = first_version(tmp_path / "jobs.db")
    given, made = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    with sqlite3.connect(tmp_path / "jobs.db") as old:
        old.execute("UPDATE jobs SET graph = ?", [json.dumps({"nodes": {"a": {"params": {"artifact": given}}}})])
        old.execute("UPDATE node_runs SET outputs = ?", [json.dumps({"video": {"artifact": made}})])
    old.close()
    engine = connect(url)
    assert JobStore(engine).get("j", owner="local").name == "toy"
    assert Uploads(engine).readable([given, made], "local") == {given, made}
    engine.dispose()


def test_the_steps_lead_to_the_tables_that_the_program_uses(database_url):
    engine = connect(database_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == VERSION
    engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(database_url):
    engine = connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StorageError, match="newer version") as refused:
        connect(database_url)
    assert "upgrade spinbot" in refused.value.hint


def test_processes_that_open_an_old_database_at_once_all_get_it(tmp_path):
    url = first_version(tmp_path / "jobs.db")
    program = "import sys; from spinbot.store.database import connect; connect(sys.argv[1]).dispose()"
    openers = [subprocess.Popen([sys.executable, "-c", program, url], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(opener.communicate()[1], opener.returncode) for opener in openers] == [(b"", 0)] * 4
    engine = connect(url)
    assert JobStore(engine).get("j").name == "toy"
    engine.dispose()
