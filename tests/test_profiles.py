"""Profiles: names, versions, consent, and that deleting one takes everything made of it."""

from __future__ import annotations

import threading
from dataclasses import asdict

import pytest
from sqlalchemy import Engine, insert

from spinbot.errors import InputError, NotFoundError
from spinbot.store import database as db
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.audit import Audit
from spinbot.store.jobs import JobStore
from spinbot.store.ledger import Ledger, Turn
from spinbot.store.part_removal import remove_part
from spinbot.store.profiles import Consent, Profiles
from spinbot.store.prune import Cache
from spinbot.store.trained import Made
from spinbot.store.uploads import Upload, Uploads

PORTRAIT, VIDEO, OTHER = ("sha256:" + digit * 64 for digit in "123")
CONSENT = Consent("Ada Lovelace", "videos about mathematics", "anna")


@pytest.fixture
def profiles(engine: Engine) -> Profiles:
    return Profiles(engine)


def job_with(engine: Engine, profile: str, *, ends: bool = True) -> str:
    """A job that used a profile: it was given the portrait and made the video."""
    jobs = JobStore(engine)
    graph = {"nodes": {"a": {}}, "given": PORTRAIT}
    job = jobs.create("film", graph, owner="anna", profile=profile)
    ledger = Ledger(jobs, lease_s=60)
    turn = Turn()
    claimed = ledger.claim(job)
    run = claimed.nodes["a"]
    run.state, run.key, run.outputs = "succeeded", "key-of-a", {"video": {"artifact": VIDEO}}
    turn.change(run, {"outputs": run.outputs})
    if ends:
        turn.end("succeeded", outputs=run.outputs)
    ledger.write(job, claimed.epoch, turn)
    return job


def test_a_profile_is_found_by_name_and_by_id_and_by_its_owner_alone(profiles):
    made = profiles.create("ada", "anna", "stock:alpha")
    assert profiles.get("ada", "anna") == profiles.get(made.id, "anna") == made
    assert [profile.name for profile in profiles.all("anna")] == ["ada"]
    assert profiles.all("ben") == []
    for asked in ("ada", made.id):
        with pytest.raises(NotFoundError, match="no profile"):
            profiles.get(asked, "ben")


@pytest.mark.parametrize("name", ["", "Ada", "a b", "../x", "-a", "a" * 64, "ädä"])
def test_a_name_is_short_and_plain(profiles, name):
    with pytest.raises(InputError, match="no name for a profile"):
        profiles.create(name, "anna")


def test_a_name_is_given_once_to_each_owner(profiles):
    profiles.create("ada", "anna")
    profiles.create("ada", "ben")
    with pytest.raises(InputError, match="already") as taken:
        profiles.create("ada", "anna")
    assert taken.value.code == "name_taken"


def test_nothing_is_used_before_the_consent_is_on_record(profiles):
    ada = profiles.create("ada", "anna")
    with pytest.raises(InputError) as missing:
        ada.agreed()
    assert missing.value.code == "consent_required"
    with pytest.raises(InputError, match="names the person"):
        profiles.attest(ada, Consent(" ", "x", "anna"))
    profiles.attest(ada, CONSENT)
    assert profiles.get("ada", "anna").agreed() == CONSENT


def test_each_kind_counts_its_own_versions(profiles):
    ada = profiles.create("ada", "anna")
    for kind, artifact in (("portrait", PORTRAIT), ("look", OTHER), ("portrait", VIDEO)):
        profiles.add(ada, kind, artifact, {"score": 1})
    ada = profiles.get("ada", "anna")
    assert [(part.kind, part.version) for part in ada.parts] == [("look", 1), ("portrait", 2), ("portrait", 1)]
    newest = ada.newest("portrait")
    assert (newest.artifact, newest.data) == (VIDEO, {"score": 1})
    assert ada.newest("voice") is None


def test_versions_that_come_at_once_have_different_numbers(profiles):
    ada = profiles.create("ada", "anna")
    threads = [threading.Thread(target=profiles.add, args=(ada, "look", OTHER)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [part.version for part in profiles.get("ada", "anna").parts] == [8, 7, 6, 5, 4, 3, 2, 1]


def trains(engine: Engine, profile: str, *made: Made) -> None:
    """A job that succeeds and has made something of the profile's person."""
    jobs = JobStore(engine)
    job = jobs.create("train", {"nodes": {"a": {}}}, owner="anna", profile=profile)
    ledger = Ledger(jobs, lease_s=60)
    claimed, turn = ledger.claim(job), Turn()
    turn.end("succeeded", outputs={})
    turn.made = list(made)
    ledger.write(job, claimed.epoch, turn)


def test_a_training_that_is_repeated_adds_no_version_while_its_look_is_the_newest(profiles, engine, tmp_path):
    artifacts = LocalArtifacts(tmp_path)
    ada = profiles.create("ada", "anna")
    one, other, voice = (artifacts.put_bytes(data) for data in (b"one", b"other", b"voice"))

    def looks() -> list[tuple[int, str]]:
        return [(part.version, part.artifact) for part in profiles.get("ada", "anna").parts if part.kind == "look"]

    trains(engine, ada.id, Made("look", one, {"score": 1}))
    trains(engine, ada.id, Made("look", one, {"score": 1}), Made("voice", voice, {}))
    assert looks() == [(1, one)]
    assert profiles.get("ada", "anna").newest("voice").artifact == voice
    # An older look that is trained again is the one to use from now on.
    trains(engine, ada.id, Made("look", other, {}))
    trains(engine, ada.id, Made("look", one, {}))
    assert looks() == [(3, one), (2, other), (1, one)]
    # One that was deleted is there no more: those before it count.
    remove_part(engine, profiles.get("ada", "anna"), "look", 3, artifacts, dry_run=False)
    trains(engine, ada.id, Made("look", other, {}))
    assert looks() == [(2, other), (1, one)]
    trains(engine, ada.id, Made("look", one, {}))
    assert looks() == [(4, one), (2, other), (1, one)]


def test_its_owner_may_read_what_belongs_to_a_profile_and_nobody_else(profiles, engine):
    profiles.add(profiles.create("ada", "anna"), "portrait", PORTRAIT)
    assert Uploads(engine).readable([PORTRAIT, VIDEO], "anna") == {PORTRAIT}
    assert Uploads(engine).readable([PORTRAIT], "ben") == set()


def test_what_a_profile_names_anywhere_may_be_read(profiles, engine):
    ada = profiles.create("ada", "anna")
    profiles.add(ada, "look", PORTRAIT, {"versions": [{"kohya": VIDEO}]})
    profiles.attest(ada, Consent("Ada", "test", "anna", sample=OTHER))
    nobodys = "sha256:" + "4" * 64
    assert Uploads(engine).readable([PORTRAIT, VIDEO, OTHER, nobodys], "anna") == {PORTRAIT, VIDEO, OTHER}
    assert Uploads(engine).readable([VIDEO, OTHER], "ben") == set()


def test_a_version_goes_with_what_nothing_else_needs(profiles, engine, tmp_path):
    artifacts, uploads = LocalArtifacts(tmp_path), Uploads(engine)
    look, kohya, shared = (artifacts.put_bytes(data) for data in (b"look", b"kohya", b"shared"))
    ada = profiles.create("ada", "anna")
    profiles.add(ada, "look", shared)
    profiles.add(ada, "look", look, {"kohya": kohya, "began_with": shared})
    uploads.add(Upload(look, "anna", "x", "image/png", 4, 0.0))
    with engine.begin() as connection:
        connection.execute(insert(db.results).values(key="k", outputs={"look": {"artifact": look}}, created=0.0))
    ada = profiles.get("ada", "anna")
    for dry_run in (True, False):
        gone = remove_part(engine, ada, "look", 2, artifacts, dry_run=dry_run)
        assert (gone.part.version, set(gone.freed), gone.kept, gone.jobs) == (2, {look, kohya}, [shared], [])
        assert (look in artifacts) == (kohya in artifacts) == dry_run
        assert len(uploads.recent("anna")) == dry_run
    assert shared in artifacts
    assert [part.version for part in profiles.get("ada", "anna").parts] == [1]
    with pytest.raises(NotFoundError, match="ada has no look 2"):
        remove_part(engine, profiles.get("ada", "anna"), "look", 2, artifacts, dry_run=False)
    assert profiles.add(ada, "look", look).version == 3


def test_a_version_that_a_running_job_needs_stays(profiles, engine, tmp_path):
    ada = profiles.create("ada", "anna")
    profiles.add(ada, "portrait", PORTRAIT)
    job = job_with(engine, ada.id, ends=False)
    with pytest.raises(InputError, match=job) as running:
        remove_part(engine, profiles.get("ada", "anna"), "portrait", 1, LocalArtifacts(tmp_path), dry_run=False)
    assert running.value.code == "job_running"
    assert profiles.get("ada", "anna").newest("portrait").artifact == PORTRAIT


def test_what_belongs_to_a_profile_is_never_pruned(profiles, engine, tmp_path):
    artifacts = LocalArtifacts(tmp_path)
    ada = profiles.create("ada", "anna")
    kept = [artifacts.put_bytes(data) for data in (b"look", b"data", b"consent")]
    profiles.add(ada, "look", kept[0], {"base": kept[1]})
    profiles.attest(ada, Consent("Ada", "test", "anna", sample=kept[2]))
    loose = artifacts.put_bytes(b"loose")
    Cache(JobStore(engine), artifacts, grace_s=-1).prune()
    assert all(artifact in artifacts for artifact in kept)
    assert loose not in artifacts


def test_deleting_takes_the_jobs_and_the_results_made_of_it(profiles, engine):
    ada = profiles.create("ada", "anna")
    profiles.add(ada, "portrait", PORTRAIT)
    used = job_with(engine, ada.id)
    other = JobStore(engine).create("other", {"nodes": {"b": {}}, "given": OTHER}, owner="anna")
    ada = profiles.get("ada", "anna")
    assert profiles.jobs(ada) == [used]
    assert profiles.delete(ada) == [PORTRAIT, VIDEO]
    with pytest.raises(NotFoundError):
        profiles.get("ada", "anna")
    with pytest.raises(NotFoundError):
        JobStore(engine).get(used)
    assert JobStore(engine).get(other).state == "queued"
    assert Ledger(JobStore(engine), lease_s=60).known(["key-of-a"]) == {}
    with pytest.raises(NotFoundError):
        profiles.add(ada, "look", OTHER)


def test_a_profile_in_use_is_not_deleted(profiles, engine):
    ada = profiles.create("ada", "anna")
    profiles.attest(ada, CONSENT)
    job = job_with(engine, ada.id, ends=False)
    with pytest.raises(InputError, match=job) as running:
        profiles.delete(profiles.get("ada", "anna"))
    assert running.value.code == "job_running"
    assert asdict(profiles.get("ada", "anna").agreed()) == asdict(CONSENT)
    assert JobStore(engine).get(job).state == "queued"


def test_a_deleted_job_leaves_the_profile(profiles, engine):
    ada = profiles.create("ada", "anna")
    job = job_with(engine, ada.id)
    JobStore(engine).delete(job)
    assert profiles.jobs(ada) == []
    assert profiles.get("ada", "anna") == ada


def test_the_use_of_a_profile_is_on_record_once_for_each_job(profiles, engine):
    ada = profiles.create("ada", "anna")
    jobs = JobStore(engine)
    graph = {"nodes": {"a": {}}}
    asked = {"idempotency_key": "k", "owner": "anna", "profile": ada.id, "key": "key1"}
    first, again = (jobs.create("film", graph, **asked) for _ in range(2))
    assert first == again
    uses = [entry for entry in Audit(engine).entries(subject=ada.id) if entry.action == "profile.use"]
    assert [(use.owner, use.key, use.data) for use in uses] == [("anna", "key1", {"name": "ada", "job": first})]


def test_a_job_of_a_profile_that_is_gone_is_not_stored(profiles, engine):
    ada = profiles.create("ada", "anna")
    profiles.delete(ada)
    with pytest.raises(NotFoundError):
        JobStore(engine).create("film", {"nodes": {"a": {}}}, owner="anna", profile=ada.id)
    assert JobStore(engine).recent() == []


def test_other_uploads_stay_when_a_profile_goes(profiles, engine, tmp_path):
    artifacts, uploads = LocalArtifacts(tmp_path), Uploads(engine)
    face, music = (artifacts.put_bytes(data) for data in (b"face", b"music"))
    for artifact in (face, music):
        uploads.add(Upload(artifact, "anna", "x", "image/png", 4, 0.0))
    profiles.add(profiles.create("ada", "anna"), "portrait", face)
    jobs = JobStore(engine)
    ada = profiles.get("ada", "anna")
    job = jobs.create("film", {"nodes": {"a": {}}, "given": [face, music]}, owner="anna", profile=ada.id)
    ledger = Ledger(jobs, lease_s=60)
    claimed, turn = ledger.claim(job), Turn()
    turn.end("succeeded", outputs={})
    ledger.write(job, claimed.epoch, turn)
    profiles.erase(ada, uploads, artifacts)
    assert (face in artifacts, music in artifacts) == (False, True)
