"""The pages of jobs and of videos: lists, filters, what is done with a job, and why one failed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from spinbot.errors import InputError, ModelError
from tests.studio_pages import Pages, Visit, visiting


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with visiting(monkeypatch) as pages:
        yield pages


def film(pages: Pages, topic: str = "bees") -> str:
    """A video that waits."""
    job: str = pages.service.submit(template="talking_portrait", params={"topic": topic, "look": "a woman"}).id
    return job


def done(pages: Pages, topic: str = "bees") -> str:
    job = film(pages, topic)
    pages.service.runner.run(job)
    return job


def rows(visit: Visit) -> list[str]:
    return [row["title"] for row in visit.part("job_rows")["rows"]]


def posters(visit: Visit) -> list[str]:
    return [item["title"] for item in visit.part("posters")["items"]]


def test_a_studio_without_jobs_says_what_comes_here(pages):
    visit = pages.open("jobs")
    assert "No job yet. What you create, train or check appears here, live." in visit.says
    assert visit.parts("job_rows") == []
    assert visit.part("refresh") == {"kinds": ["job."], "job": None}


def test_each_job_is_a_row_with_what_can_be_done(pages):
    service = pages.service
    done(pages, "ants")
    service.runner.begin(film(pages, "bees"), "script")
    service.submit(template="script", params={"topic": "wasps"})
    visit = pages.open("jobs")
    script, running, ended = visit.part("job_rows")["rows"]
    assert (script["title"], script["kind"], script["shown"]) == ("wasps", "Script", "Queued")
    assert script["actions"] == ["first", "cancel"]
    assert (running["kind"], running["shown"], running["actions"]) == ("Video", "Generating", ["pause", "cancel"])
    assert (ended["shown"], ended["actions"], ended["note"]) == ("Reviewing", [], "took 0 s · just now")
    assert ended["poster"].startswith("sha256:")
    assert ended["href"] == f"/jobs?job={ended['id']}"


def test_jobs_are_filtered_and_searched(pages):
    pages.service.runner.faults["find_face"] = InputError("there is no face", hint="take another photo")
    done(pages, "ants")
    pages.service.runner.faults.pop("find_face")
    done(pages, "bees")
    film(pages, "wasps")
    visit = pages.open("jobs")
    assert rows(visit) == ["wasps", "bees", "ants"]
    for chosen, expected in (("active", ["wasps"]), ("done", ["bees"]), ("failed", ["ants"])):
        assert rows(visit.fill(show=chosen)) == expected
    assert visit.address["show"] == "failed"
    assert rows(pages.open("jobs", show="done")) == ["bees"]
    assert rows(visit.fill(show="all", q="BEE")) == ["bees"]
    visit.fill(q="nothing")
    assert "No job fits this filter." in visit.says


def test_a_long_list_is_shown_in_parts(pages):
    for number in range(30):
        film(pages, f"bee {number}")
    visit = pages.open("jobs")
    assert len(rows(visit)) == 25
    visit.click("Show more (5 left)")
    assert len(rows(visit)) == 30
    assert "Show more" not in "".join(visit.buttons())


def test_a_row_opens_its_job_and_does_what_is_asked(pages):
    job = film(pages)
    visit = pages.open("jobs").tell("jobs-rows", "act", {"job": job, "what": "first"})
    assert pages.service.job(job).priority == 100
    visit.tell("jobs-rows", "act", {"job": job, "what": "cancel"})
    assert [row["shown"] for row in visit.part("job_rows")["rows"]] == ["Cancelling"]
    assert visit.part("job_rows")["rows"][0]["actions"] == []
    visit.tell("jobs-rows", "open", job)
    assert (visit.address["job"], visit.heading) == (job, "bees")
    visit.click("All jobs")
    assert visit.heading == "Jobs"


def test_the_queue_is_paused_and_goes_on(pages):
    visit = pages.open("jobs").click("Pause the queue")
    assert pages.service.queue().paused
    assert visit.badges() == ["The queue is paused"]
    visit.click("Resume the queue")
    assert not pages.service.queue().paused
    assert visit.badges() == []


def test_who_is_no_admin_cannot_pause_the_queue(pages):
    pages.service.visitor = pages.service.visitor.model_copy(update={"scopes": ["read", "write"]})
    button = pages.open("jobs").button("Pause the queue")
    assert button.disabled
    assert "scope admin" in button.proto.help


def test_a_job_is_followed_live(pages):
    job = film(pages)
    pages.service.runner.begin(job, "script")
    visit = pages.open("jobs", job=job)
    live = visit.part("job_view")
    assert (live["job"], live["state"], live["events"]) == (job, "running", len(pages.service._jobs[job].events))
    assert live["graph"]["frame"] == {"type": "frame_portrait", "needs": ["face", "portrait"]}
    assert live["graph"]["perform"]["needs"] == ["face", "frame", "script"]
    assert live["shown"] == {"running": "Generating", "succeeded": "Reviewing", "failed": "FailedGen"}
    assert live["labels"]["write_script"] == "Write the script"
    assert f"Video · {job} · just now" in visit.says


def test_a_job_is_paused_resumed_and_cancelled(pages):
    service = pages.service
    job = film(pages)
    service.runner.begin(job, "script")
    visit = pages.open("jobs", job=job).click("act-pause")
    assert service.job(job).wish == "pause"
    service.runner.heed(job)
    visit.again().click("act-resume")
    assert service.job(job).state == "queued"
    visit.click("act-cancel")
    assert service.job(job).wish == "cancel"
    assert "act-cancel" not in [button.key for button in visit.page.button]


def test_a_job_is_moved_in_the_queue(pages):
    job = film(pages)
    visit = pages.open("jobs", job=job)
    assert visit.field("Priority").value == 0
    visit.fill(Priority=-100)
    assert pages.service.job(job).priority == -100
    visit.click("act-first")
    assert pages.service.job(job).priority == 100
    assert visit.field("Priority").value == 100


def test_a_priority_that_somebody_else_gave_stays(pages):
    job = film(pages)
    visit = pages.open("jobs", job=job)
    pages.service.set_priority(job, 7)
    visit.again()
    assert pages.service.job(job).priority == 7
    assert visit.field("Priority").value == 7


def test_a_failed_job_says_cause_place_and_remedy_and_is_tried_again(pages):
    fault = InputError("there is no face", hint="take another photo", details=[{"message": "the left eye is hidden"}])
    pages.service.runner.faults["find_face"] = fault
    job = done(pages)
    visit = pages.open("jobs", job=job)
    [error] = visit.page.error
    assert error.value.split("\n\n") == [
        "**there is no face**",
        "Failed at: Find the face",
        "- the left eye is hidden",
        "**What to do:** take another photo",
    ]
    pages.service.runner.faults.clear()
    visit.click("act-retry")
    assert not visit.page.error
    pages.service.runner.run(job)
    visit.again()
    assert visit.part("player")["title"] == "bees"
    visit.click("Review this video")
    assert (visit.address["job"], visit.badges()) == (job, ["Reviewing"])


def test_a_job_that_has_ended_is_deleted(pages):
    job = done(pages)
    visit = pages.open("jobs", job=job).click("act-delete")
    assert [*pages.service.jobs()] == []
    assert "No job yet." in visit.says


def test_a_job_that_is_not_there_is_told(pages):
    visit = pages.open("jobs", job="nope")
    assert visit.page.warning[0].value == "there is no job 'nope'. list them with: spinbot jobs"
    assert "All jobs" in visit.buttons()


def test_what_the_service_refuses_is_told_in_place(pages, monkeypatch):
    job = film(pages)
    visit = pages.open("jobs", job=job)

    def refuse(job: str) -> None:
        raise InputError(f"job {job} has ended", hint="see how it went")

    monkeypatch.setattr(pages.service, "cancel", refuse)  # it ended a moment before the click came
    visit.click("act-cancel")
    assert visit.page.error[0].value == f"**job {job} has ended**\n\nsee how it went"
    assert visit.part("job_view")["job"] == job


def test_an_empty_gallery_leads_to_the_form(pages):
    visit = pages.open("gallery")
    assert "No video yet." in visit.says
    visit.click("Create the first one")
    assert visit.heading == "Create a video"


def test_the_gallery_shows_videos_by_what_was_thought_of_them(pages):
    service = pages.service
    service.submit(template="script", params={"topic": "no video"})
    good, bad, new = (done(pages, topic) for topic in ("good", "bad", "new"))
    service.review(good, "approved")
    service.review(bad, "rejected")
    service.runner.faults["find_face"] = ModelError("broken")
    done(pages, "broken")
    film(pages, "to come")
    visit = pages.open("gallery")
    assert posters(visit) == ["to come", "broken", "new", "bad", "good"]
    wanted = {
        "generating": ["to come"],
        "reviewing": ["new"],
        "approved": ["good"],
        "rejected": ["bad"],
        "failed": ["broken"],
    }
    for chosen, expected in wanted.items():
        assert posters(visit.fill(show=chosen)) == expected
    assert posters(pages.open("gallery", show="approved")) == ["good"]
    visit.fill(show="all", q="ne")
    assert posters(visit) == ["new"]
    [item] = visit.part("posters")["items"]
    assert (item["shown"], item["note"]) == ("Reviewing", "6 s · just now")
    visit.fill(q="none")
    assert "No video fits this filter." in visit.says
    assert "Create the first one" not in visit.buttons()
    visit.fill(q="").tell("posters", "open", new)
    assert (visit.address["job"], visit.heading) == (new, "new")


def test_times_are_told_as_people_say_them(pages):
    for number, ago_s in enumerate((3, 200, 7_300, 200_000, 9_000_000)):
        pages.service._jobs[film(pages, f"bee {number}")].created = time.time() - ago_s
    notes = [row["note"] for row in pages.open("jobs").part("job_rows")["rows"]]
    assert notes == ["since 3 months ago", "since 2 d ago", "since 2 h ago", "since 3 min ago", "since just now"]


def test_the_pages_speak_chinese_to_who_does(pages):
    film(pages)
    visit = pages.open("jobs", locale="zh-CN")
    assert visit.heading != "Jobs"
    assert visit.part("job_rows")["rows"][0]["shown"] != "Queued"
    visit.fill(lang="en")
    assert visit.heading == "Jobs"
    assert pages.open("jobs", lang="zh").heading == pages.open("jobs", locale="zh-TW").heading
    assert pages.open("jobs", locale="fr-FR").heading == "Jobs"
