"""API keys: shown once, known afterwards, scoped, and closed for ever when they are revoked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db
from spinbot.store.keys import Keys
from tests.test_cli import refused


@pytest.fixture
def keys(database_url: str) -> Iterator[Keys]:
    engine = db.connect(database_url)
    yield Keys(engine)
    engine.dispose()


def used(keys: Keys, key: str) -> float | None:
    return next(found.last_used for found in keys.list() if found.id == key)


def test_a_key_tells_whose_it_is_and_what_it_may(keys):
    key, secret = keys.create("backup", owner="anna", scopes=["read"])
    assert re.fullmatch(r"sb_[\w-]{22,}", secret)
    identity = keys.authenticate(secret)
    assert (identity.owner, identity.name, identity.key_id) == ("anna", "backup", key.id)
    assert [identity.may(scope) for scope in ("read", "write", "admin")] == [True, False, False]


def test_the_owner_is_the_name_unless_another_is_said(keys):
    assert keys.authenticate(keys.create("anna")[1]).owner == "anna"


def test_admin_may_everything(keys):
    identity = keys.authenticate(keys.create("root", scopes=["admin"])[1])
    assert all(identity.may(scope) for scope in ("read", "write", "admin"))


def test_a_wrong_secret_is_nobodys(keys):
    _, secret = keys.create("anna")
    for wrong in ("", "sb_", secret[:-1], secret + "x", secret.upper(), "\ud800", "sb_" + "é" * 22):
        assert keys.authenticate(wrong) is None


def test_the_database_does_not_hold_the_secret(keys):
    _, secret = keys.create("anna")
    with keys._engine.connect() as connection:
        stored = repr(connection.execute(select(db.keys)).all())
    assert secret not in stored
    assert secret.removeprefix("sb_") not in stored


def test_a_revoked_key_opens_nothing_and_the_owners_other_key_stays(keys):
    assert not keys.exist()
    (first, secret), (_, other) = keys.create("one", owner="anna"), keys.create("two", owner="anna")
    revoked = keys.revoke(first.id).revoked
    assert keys.revoke(first.id).revoked == revoked
    assert keys.authenticate(secret) is None
    assert keys.authenticate(other).owner == "anna"
    assert keys.exist()
    keys.revoke(keys.list()[1].id)
    assert not keys.exist()
    with pytest.raises(NotFoundError, match="no key 'nope'"):
        keys.revoke("nope")


def test_the_time_of_use_is_written_once_a_minute(keys):
    key, secret = keys.create("anna")
    assert used(keys, key.id) is None
    keys.authenticate(secret)
    first = used(keys, key.id)
    assert first == pytest.approx(time.time(), abs=60)
    keys.authenticate(secret)
    assert used(keys, key.id) == first
    with keys._engine.begin() as connection:
        connection.execute(update(db.keys).values(last_used=first - 61))
    keys.authenticate(secret)
    assert used(keys, key.id) >= first


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": ""}, "'' is no name"),
        ({"name": "a\nb"}, "is no name"),
        ({"name": "x" * 201}, "is no name"),
        ({"name": "a", "owner": " "}, "' ' is no owner"),
        ({"name": "a", "scopes": ["read", "fly"]}, "no scope fly"),
        ({"name": "a", "scopes": []}, "without any scope"),
    ],
)
def test_keys_that_make_no_sense_are_not_made(keys, arguments, says):
    with pytest.raises(InputError, match=says):
        keys.create(**arguments)
    assert keys.list() == []


def spinbot(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"SPINBOT_HOME": str(home), "COLUMNS": "160"}
    command = [sys.executable, "-m", "spinbot.cli.main", "keys", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_the_command_makes_lists_and_revokes(tmp_path):
    made = spinbot(tmp_path, "create", "anna")
    secret = made.stdout.strip()
    assert re.fullmatch(r"sb_[\w-]{22,}", secret)
    assert "not shown again" in made.stderr
    other = json.loads(spinbot(tmp_path, "create", "nightly", "--owner", "anna", "--scope", "read", "--json").stdout)
    assert (other["owner"], other["scopes"]) == ("anna", ["read"])
    listed = spinbot(tmp_path, "list").stdout
    assert "nightly" in listed
    assert secret not in listed + spinbot(tmp_path, "list", "--json").stdout
    assert "revoked" in spinbot(tmp_path, "revoke", other["id"]).stdout
    engine = db.connect(f"sqlite:///{tmp_path}/spinbot.db")
    assert Keys(engine).authenticate(other["key"]) is None
    assert Keys(engine).authenticate(secret).owner == "anna"
    engine.dispose()
    refused(spinbot(tmp_path, "create", "anna", "--scope", "fly"), 2, "no scope fly", "read, write, admin")
    refused(spinbot(tmp_path, "revoke", "nope"), 3, "no key 'nope'", "spinbot keys list")
