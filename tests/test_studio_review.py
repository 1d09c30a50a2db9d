"""The page of one video: judged, compared, changed sentence by sentence, downloaded, asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from spinbot.client import Credentials
from spinbot.errors import InputError
from tests.api import PORTRAIT
from tests.studio_pages import Pages, visiting

SENTENCES = ["Let me tell you bees.", "It is simpler than it looks.", "Now you know."]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with visiting(monkeypatch) as pages:
        yield pages


def made(pages: Pages, topic: str = "bees", **more: Any) -> str:
    """A video that is finished."""
    params = {"topic": topic, "look": "a woman"} | more
    job: str = pages.service.submit(template="talking_portrait", params=params).id
    pages.service.runner.run(job)
    return job


def outputs(pages: Pages, job: str) -> dict[str, Any]:
    found: dict[str, Any] = pages.service.job(job).result()
    return found


def credentials(**said: Any) -> Credentials:
    nothing = {"has_manifest": True, "valid": True, "ai_generated": True, "issuer": "", "title": "", "generator": ""}
    return Credentials.model_validate(nothing | {"models": []} | said)


def test_a_video_is_shown_with_what_was_measured(pages):
    job = made(pages)
    visit = pages.open("review", job=job)
    assert (visit.heading, visit.badges()) == ("bees", ["Reviewing"])
    player, found = visit.part("player"), outputs(pages, job)
    assert (player["video"], player["poster"]) == (found["video"]["artifact"], found["poster"]["artifact"])
    assert player["captions"] == found["captions"]["vtt"]
    assert [sentence["text"] for sentence in player["sentences"]] == SENTENCES
    assert player["shape"] == [512, 512]
    assert (visit.metric("Lip-sync"), visit.metric("Misheard words")) == ("0.81", "2.0%")
    assert (visit.metric("Drift"), visit.metric("Loudness")) == ("4 ms", "-16.2 LUFS")
    assert "is low" not in visit.says


def test_a_mouth_that_does_not_follow_is_warned_of(pages):
    job = made(pages)
    pages.service._jobs[job].outputs["report"]["scores"]["lipsync_correlation"] = 0.3
    assert "Lip-sync is low: look closely before you approve." in pages.open("review", job=job).says


def test_a_video_is_approved_rejected_and_the_verdict_taken_back(pages):
    job = made(pages)
    visit = pages.open("review", job=job)
    visit.fill(Note="well said").click("approved")
    found = pages.service.job(job)
    assert (found.review, found.note, visit.badges()) == ("approved", "well said", ["Approved"])
    assert visit.button("approved").proto.type == "primary"
    visit.click("rejected")
    assert (pages.service.job(job).review, visit.badges()) == ("rejected", ["Rejected"])
    visit.click("rejected")
    assert (pages.service.job(job).review, visit.badges()) == (None, ["Reviewing"])


def test_files_are_downloaded_under_the_title(pages):
    job = made(pages, "how bees make honey?")
    found = outputs(pages, job)
    visit = pages.open("review", job=job)
    links = visit.links()
    assert links["MP4"] == f"/studio/files/{found['video']['artifact']}?name=how-bees-make-honey.mp4"
    assert links["SRT"] == f"/studio/files/{found['captions']['srt']}?name=how-bees-make-honey.srt"
    assert links["VTT"].endswith(".vtt")
    [sidecar] = visit.page.get("download_button")
    assert sidecar.label == "Sidecar"


def test_one_sentence_is_said_otherwise_in_a_new_video(pages):
    job = made(pages)
    visit = pages.open("review", job=job)
    fields = [field for field in visit.page.text_area if field.label.startswith("Sentence")]
    assert [field.value for field in fields] == SENTENCES
    again = [button for button in visit.page.button if button.label == "Re-render"]
    again[1].click()
    visit.again()
    assert visit.page.warning[0].value == "Write something else first."
    assert pages.service.queue().jobs == {"succeeded": 1}
    visit.field("Sentence 2").set_value("  It is hard work. ")
    [button] = [button for button in visit.page.button if button.label == "Re-render"][1:2]
    button.click()
    visit.again()
    new = visit.address["job"]
    assert new != job
    assert visit.badges() == ["Queued"]
    assert visit.part("job_view")["job"] == new
    pages.service.runner.run(new)
    assert outputs(pages, new)["script"]["sentences"] == [SENTENCES[0], "It is hard work.", SENTENCES[2]]


def test_what_cannot_be_said_is_refused_in_place(pages):
    job = made(pages)
    visit = pages.open("review", job=job)
    visit.field("Sentence 1").set_value("...")
    next(button for button in visit.page.button if button.label == "Re-render").click()
    visit.again()
    assert len(visit.page.error) == 1
    assert visit.address["job"] == job


def test_the_settings_of_a_video_fill_the_form_again(pages):
    chosen = {"seconds": 20, "aspect": "9:16", "captions": "burn", "seed": 7, "sway": 0.5, "voice": "stock:alpha"}
    visit = pages.open("review", job=made(pages, **chosen)).click("recall")
    assert visit.heading == "Create a video"
    values = {name: visit.field(name).value for name in ("topic", "look", "seconds", "seed", "sway", "voice")}
    expected = {"topic": "bees", "look": "a woman", "seconds": 20, "seed": 7, "sway": 0.5, "voice": "stock:alpha"}
    assert values == expected
    assert (visit.field("aspect").value, visit.field("captions").value) == ("9:16", "burn")


def test_a_script_and_a_photo_fill_the_form_again(pages):
    portrait = pages.service.upload(PORTRAIT).artifact
    request = {"script": "One is here. Two is there.", "portrait": portrait}
    job = pages.service.submit(template="talking_portrait", params=request).id
    pages.service.runner.run(job)
    edited = pages.service.edit(job, 1, "One was here.").id
    pages.service.runner.run(edited)
    for name, script in ((job, request["script"]), (edited, "One was here.\nTwo is there.")):
        visit = pages.open("review", job=name).click("recall")
        assert visit.field("text").value == script
        assert [item["artifact"] for item in visit.part("uploader")["items"]] == [portrait]
        visit.click("render")
    asked = [job.graph["nodes"]["portrait"] for job in map(pages.service.job, _ids(pages)[:2])]
    assert asked == [{"type": "load_image", "params": {"artifact": portrait}}] * 2


def _ids(pages: Pages) -> list[str]:
    return [job.id for job in pages.service.jobs()]


def test_a_voice_that_nobody_chose_is_not_recalled(pages):
    visit = pages.open("review", job=made(pages)).click("recall")
    assert visit.field("voice").value == ""


def test_two_videos_are_compared(pages):
    job = made(pages, "ants")
    visit = pages.open("review", job=job)
    assert "There is no other video yet." in visit.says
    other = made(pages, "bees")
    visit.again().fill(other=other)
    sides = visit.part("compare")["sides"]
    assert [side["title"] for side in sides] == ["ants", "bees"]
    assert [side["video"] for side in sides] == [outputs(pages, one)["video"]["artifact"] for one in (job, other)]


def test_videos_of_the_same_title_are_told_apart(pages):
    job, *others = (made(pages) for _ in range(3))
    pages.service.review(others[0], "approved")
    for other in others:
        visit = pages.open("review", job=job).fill(other=other)
        assert visit.part("compare")["sides"][1]["video"] == outputs(pages, other)["video"]["artifact"]


def test_content_credentials_are_told(pages, monkeypatch):
    job = made(pages)
    says = pages.open("review", job=job).says
    assert "The signature holds and no byte has changed since." in says
    assert "**Made by** · a generative model (AI-generated)" in says
    assert "**Models** · kokoro, smollm2" in says
    bad = credentials(valid=False, ai_generated=False, problems=["a byte has changed"], extra={"consent": "Ada agreed"})
    monkeypatch.setattr(pages.service, "credentials", lambda artifact: bad)
    visit = pages.open("review", job=job)
    assert visit.page.error[0].value == "These credentials do not hold.\n\na byte has changed"
    assert "**Consent** · Ada agreed" in visit.says
    monkeypatch.setattr(pages.service, "credentials", lambda artifact: credentials(has_manifest=False))
    assert "The file has no Content Credentials." in pages.open("review", job=job).says


def test_a_video_that_is_not_finished_is_followed(pages):
    job = pages.service.submit(template="talking_portrait", params={"topic": "bees", "look": "a woman"}).id
    pages.service.runner.begin(job, "script")
    visit = pages.open("review", job=job)
    assert (visit.badges(), visit.part("job_view")["state"]) == (["Generating"], "running")
    assert visit.parts("player") == []
    pages.service.runner.faults["find_face"] = InputError("there is no face", hint="take another photo")
    pages.service.runner.run(job)
    visit.again()
    assert visit.badges() == ["FailedGen"]
    assert "**What to do:** take another photo" in visit.page.error[0].value
    pages.service.runner.faults.clear()
    visit.click("act-retry")
    pages.service.runner.run(job)
    assert visit.again().part("player")["title"] == "bees"


def test_without_a_video_the_page_leads_to_the_gallery(pages):
    for job in ("", "nope"):
        visit = pages.open("review", job=job)
        assert "Choose a video in the gallery." in visit.says
        assert visit.click("Gallery").heading == "Gallery"


def test_how_a_video_was_made_is_one_click_away(pages):
    job = made(pages)
    visit = pages.open("review", job=job).click("steps")
    assert "All jobs" in visit.buttons()
    assert visit.part("job_view")["job"] == job


def test_the_sidecar_is_not_asked_for_before_the_click(pages, monkeypatch):
    asked = []
    monkeypatch.setattr(pages.service, "sidecar", lambda job: asked.append(job) or {"job": job})
    visit = pages.open("review", job=made(pages))
    assert (asked, len(visit.page.get("download_button"))) == ([], 1)


def test_a_video_of_a_person_is_asked_for_again_with_the_persons_consent(pages):
    service = pages.service
    service.create_profile("ada")
    service.attest("ada", "Ada Lovelace", "tests")
    service.add_portrait("ada", service.upload(PORTRAIT).artifact)
    job = service.submit(template="talking_portrait", params={"topic": "bees"}, profile="ada").id
    service.runner.run(job)
    visit = pages.open("review", job=job).click("recall").click("render")
    again = service.job(visit.address["job"]).graph["nodes"]["finish"]["params"]
    assert "Ada Lovelace agreed to: tests" in again.get("consent", "")


def test_what_is_no_video_does_not_break_the_page(pages):
    job = pages.service.submit(template="script", params={"topic": "bees"}).id
    pages.service.runner.run(job)
    visit = pages.open("review", job=job)
    assert visit.heading == "bees"
