"""Webhooks, uploads, the audit log and switches: what the service remembers beside its jobs."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from spinbot.errors import NotFoundError
from spinbot.store import database as db
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.audit import Audit
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger, Turn
from spinbot.store.prune import Cache
from spinbot.store.switches import Switches
from spinbot.store.uploads import Upload, Uploads
from spinbot.store.webhooks import MOST_ATTEMPTS, Delivery, Webhooks

GRAPH = {"nodes": {"a": {}}}
URL = "https://a.example/hook"
ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")


@pytest.fixture
def jobs(engine: Engine) -> JobStore:
    return JobStore(engine)


@pytest.fixture
def hooks(engine: Engine) -> Webhooks:
    return Webhooks(engine)


def end(jobs: JobStore, job: str, state: str, **changes) -> None:
    ledger = Ledger(jobs, lease_s=60)
    epoch, turn = ledger.claim(job).epoch, Turn()
    turn.end(state, **changes, lease_until=0.0)
    ledger.write(job, epoch, turn)


def make_due(engine: Engine) -> None:
    """As if all waits were over."""
    with engine.begin() as connection:
        connection.execute(update(db.webhooks).where(db.webhooks.c.next_at.is_not(None)).values(next_at=1.0))


def claim_one(hooks: Webhooks) -> Delivery:
    (delivery,) = hooks.claim()
    return delivery


def test_a_webhook_is_due_when_its_job_has_ended_and_then_once(jobs, hooks):
    job = jobs.create("toy", GRAPH, webhook=URL)
    jobs.create("no webhook", GRAPH)
    assert hooks.claim() == []
    end(jobs, job, "succeeded", outputs={"x": 1})
    delivery = claim_one(hooks)
    assert (delivery.job, delivery.url, delivery.attempt) == (job, URL, 1)
    told = {name: delivery.payload[name] for name in ("type", "job", "state", "name", "outputs", "error")}
    assert told == {
        "type": "job.succeeded", "job": job, "state": "succeeded", "name": "toy", "outputs": {"x": 1}, "error": None
    }  # fmt: skip
    assert hooks.claim() == []
    hooks.delivered(delivery)
    (hook,) = hooks.of(job)
    assert (hook.next_at, hook.error, hook.payload) == (None, None, delivery.payload)
    assert hook.delivered > 1


def test_what_a_sender_that_died_had_claimed_is_sent_by_another(jobs, hooks):
    end(jobs, jobs.create("toy", GRAPH, webhook=URL), "failed")
    (lost,) = hooks.claim(lease_s=0.0)
    again = claim_one(hooks)
    assert (again.id, again.attempt) == (lost.id, 2)
    hooks.delivered(lost)  # it was only slow: the other one's claim stands
    assert hooks.of(again.job)[0].next_at == again.until


def test_what_a_url_does_not_take_is_tried_again_ever_more_seldom_and_then_given_up(engine, jobs, hooks):
    job = jobs.create("toy", GRAPH, webhook=URL)
    end(jobs, job, "failed")
    waits = []
    for _ in range(MOST_ATTEMPTS):
        waits.append(hooks.failed(claim_one(hooks), "connection refused"))
        assert hooks.claim() == []
        make_due(engine)
    assert waits[:4] == [5.0, 20.0, 80.0, 320.0]
    assert waits[-2:] == [21_600.0, None]
    (hook,) = hooks.of(job)
    assert (hook.error, hook.attempts, hook.delivered) == ("connection refused", MOST_ATTEMPTS, None)


def test_a_job_that_is_opened_again_is_told_again(jobs, hooks):
    job = jobs.create("toy", GRAPH, webhook=URL)
    end(jobs, job, "failed")
    first = claim_one(hooks)
    jobs.reopen(job)
    hooks.delivered(first)  # too late: it must not count for the next end
    assert hooks.claim() == []
    end(jobs, job, "succeeded")
    second = claim_one(hooks)
    assert (second.payload["state"], second.attempt) == ("succeeded", 1)
    assert second.id != first.id


def test_a_deleted_jobs_webhook_is_not_sent(jobs, hooks):
    job = jobs.create("toy", GRAPH, webhook=URL)
    end(jobs, job, "failed")
    jobs.delete(job)
    assert hooks.claim() == []


def upload(artifact: str, owner: str, **changes) -> Upload:
    return replace(Upload(artifact, owner, "me.png", "image", "image/png", 5_000_000_000), **changes)


def test_an_upload_is_its_owners_alone(engine):
    uploads = Uploads(engine)
    mine = upload(ONE, "anna", name="n" * 400)
    uploads.add(mine)
    uploads.add(upload(ONE, "ben", name="other.png"))
    assert uploads.get(ONE, "anna") == replace(mine, name="n" * 300)
    assert [found.name for found in uploads.recent("ben")] == ["other.png"]
    uploads.remove(ONE, "ben")
    for look in (uploads.get, uploads.remove):
        with pytest.raises(NotFoundError, match=ONE):
            look(ONE, "ben")
    assert uploads.readable([ONE, TWO], "anna") == {ONE}
    assert uploads.readable([ONE, TWO], "ben") == set()


def test_the_same_file_again_renews_its_entry(engine):
    uploads = Uploads(engine)
    uploads.add(upload(ONE, "anna", name="old", created=1.0))
    uploads.add(upload(TWO, "anna", created=2.0))
    uploads.add(upload(ONE, "anna", name="new", created=3.0))
    assert [(found.artifact, found.name) for found in uploads.recent("anna")] == [(ONE, "new"), (TWO, "me.png")]
    assert uploads.expire(before=2.5) == 1
    assert [found.artifact for found in uploads.recent("anna")] == [ONE]


def test_who_may_read_a_job_may_read_what_it_was_given_and_has_made(engine, jobs):
    uploads = Uploads(engine)
    graph = {"nodes": {"a": {"params": {"artifact": ONE}}}}
    job = jobs.create("toy", graph, owner="anna")
    ledger = Ledger(jobs, lease_s=60)
    claimed, turn = ledger.claim(job), Turn()
    turn.say("node.progress", "a", {"preview": TWO})
    ledger.write(job, claimed.epoch, turn)
    turn = Turn()
    run = replace(claimed.nodes["a"], state="succeeded", outputs={"video": {"artifact": THREE}})
    turn.change(run, {"outputs": run.outputs})
    turn.end("succeeded", outputs=run.outputs)
    ledger.write(job, claimed.epoch, turn)
    everything = [ONE, TWO, THREE, "sha256:" + "4" * 64] * 300
    assert uploads.readable(everything, "anna") == {ONE, TWO, THREE}
    assert uploads.readable(everything, "ben") == set()
    jobs.delete(job)
    assert uploads.readable(everything, "anna") == set()


def test_the_bytes_of_an_upload_stay_until_its_owner_removes_it(engine, jobs, tmp_path: Path):
    artifacts, uploads = LocalArtifacts(tmp_path / "artifacts"), Uploads(engine)
    artifact = artifacts.put_bytes(b"portrait")
    uploads.add(upload(artifact, "anna"))
    long_ago = time.time() - 7200
    os.utime(artifacts.path(artifact), (long_ago, long_ago))
    assert Cache(jobs, artifacts).prune(max_bytes=0).artifacts == 0
    uploads.remove(artifact, "anna")
    assert Cache(jobs, artifacts).prune().artifacts == 1


def test_the_audit_log_is_read_from_the_newest_in_parts(engine):
    audit = Audit(engine)
    audit.record("profile.use", "p1", owner="anna", key="k1", data={"job": "j1"})
    audit.record("profile.delete", "p1", owner="anna")
    audit.record("job.delete", "j2", owner="ben")
    assert [entry.action for entry in audit.entries()] == ["job.delete", "profile.delete", "profile.use"]
    (first,) = audit.entries(limit=1)
    assert [entry.subject for entry in audit.entries(before=first.id)] == ["p1", "p1"]
    used = audit.entries(owner="anna", subject="p1")[-1]
    assert (used.key, used.data, audit.entries(owner="nobody")) == ("k1", {"job": "j1"}, [])


def test_a_switch_stays_as_it_was_set(engine):
    switches = Switches(engine)
    assert switches.get("queue_paused", False) is False
    switches.set("queue_paused", True)
    switches.set("queue_paused", {"by": "anna"})
    assert Switches(engine).get("queue_paused") == {"by": "anna"}
