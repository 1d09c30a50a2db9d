"""The pages of profiles and of trainings: consent first, then learning; what goes is said before it goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from spinbot.client import Picture, Recording
from spinbot.errors import InputError, ModelError
from tests.api import PORTRAIT
from tests.fake_outputs import sound
from tests.studio_pages import Pages, Visit, visiting


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with visiting(monkeypatch) as pages:
        yield pages


def ada(pages: Pages, *, agreed: bool = True) -> None:
    """A profile with a portrait."""
    pages.service.create_profile("ada")
    if agreed:
        pages.service.attest("ada", "Ada Lovelace", "tests")
    pages.service.add_portrait("ada", pages.service.upload(PORTRAIT).artifact)


def pictures(pages: Pages, *names: str) -> list[dict[str, Any]]:
    """Uploads as a part tells them."""
    content = PORTRAIT.read_bytes()
    return [pages.service.upload(content + name.encode(), name=name).model_dump() for name in names]


def trained(pages: Pages, kind: str = "look") -> str:
    """A training of ada that has succeeded."""
    [one] = pictures(pages, f"{kind}.png")
    if kind == "look":
        asked = pages.service.train("ada", pictures=[Picture(artifact=one["artifact"], name="a.png")])
    else:
        asked = pages.service.train("ada", recordings=[Recording(artifact=one["artifact"], name="a.wav")])
    job: str = asked.id
    pages.service.runner.run(job)
    return job


def test_a_profile_is_made_and_agreed_to(pages):
    visit = pages.open("profiles")
    assert "There is no profile yet." in visit.says
    visit.field("Name").set_value(" ada ")
    visit.field("Voice until one is trained").set_value("stock:alpha")
    visit.click("Create")
    assert (visit.address, visit.heading, visit.badges()) == ({"profile": "ada"}, "ada", ["No consent"])
    assert pages.service.profile("ada").voice == "stock:alpha"
    assert visit.button("use").disabled
    visit.field("Person").set_value("Ada Lovelace")
    visit.field("Purpose").set_value("tests")
    visit.click("Put on record")
    assert "tick that there is consent" in visit.page.warning[0].value
    assert pages.service.profile("ada").consent is None
    visit.page.checkbox[0].check()
    visit.click("Put on record")
    consent = pages.service.profile("ada").consent
    assert (consent["person"], consent["purpose"], consent["sample"]) == ("Ada Lovelace", "tests", None)
    assert "Consent on record" in visit.badges()
    assert "**Attested by** · local" in visit.says
    assert visit.click("use").heading == "Create a video"
    assert (visit.field("who").value, visit.field("profile").value) == ("profile", "ada")


def test_a_name_that_is_none_or_taken_is_refused(pages):
    ada(pages)
    visit = pages.open("profiles")
    for name, message in (("Ada Lovelace", "is no name for a profile"), ("ada", "there is a profile ada already")):
        visit.field("Name").set_value(name)
        visit.click("Create")
        assert message in visit.page.error[0].value


def test_a_spoken_consent_is_kept_with_it(pages):
    ada(pages, agreed=False)
    spoken = pages.service.upload(sound(), name="yes.wav").model_dump()
    visit = pages.open("profiles", profile="ada")
    key = next(part.key for part in visit.page.get("bidi_component") if "sample" in part.key)
    visit.tell(key, "added", [spoken])
    visit.field("Person").set_value("Ada Lovelace")
    visit.field("Purpose").set_value("tests")
    visit.page.checkbox[0].check()
    visit.click("Put on record")
    assert pages.service.profile("ada").consent["sample"] == spoken["artifact"]
    assert [one["artifact"] for one in visit.parts("waveform")] == [spoken["artifact"]]


def test_profiles_are_cards_that_say_what_there_is(pages):
    ada(pages)
    trained(pages)
    pages.service.create_profile("bob")
    visit = pages.open("profiles")
    first, second = visit.part("people")["items"]
    assert (first["name"], first["agreed"], first["note"]) == ("ada", True, "Looks: 1 · Portraits: 1")
    assert first["face"] == pages.service.profile("ada").parts[-1].artifact
    assert (second["agreed"], second["shown"], second["note"]) == (False, "No consent", "nothing learned yet")
    visit.tell("profile-cards", "open", "bob")
    assert (visit.address["profile"], visit.heading) == ("bob", "bob")
    assert visit.click("back").heading == "Profiles"


def test_a_profile_shows_its_versions_and_takes_a_portrait(pages):
    ada(pages)
    trained(pages)
    trained(pages, "voice")
    visit = pages.open("profiles", profile="ada")
    links = visit.links()
    assert links["Voice file"].endswith("?name=ada-voice-1.safetensors")
    assert visit.metric("Likeness of the voice") == "0.74"
    assert visit.metric("Misheard words") == "3.0%"
    [other] = pictures(pages, "other.png")
    visit.tell("portrait-upload", "added", [other])
    newest = next(part for part in pages.service.profile("ada").parts if part.kind == "portrait")
    assert (newest.version, newest.artifact) == (2, other["artifact"])
    assert visit.click("train-voice").heading == "Train"
    assert (visit.field("what").value, visit.field("profile").value) == ("voice", "ada")


def test_deleting_a_profile_lists_what_goes_and_wants_its_name(pages):
    ada(pages)
    job = trained(pages)
    visit = pages.open("profiles", profile="ada").click("delete")
    assert "This goes for good:" in visit.says
    assert "**Versions: 2**\n\n- Look 1\n- Portrait 1" in visit.says
    assert "**Jobs with all that they made: 1**\n\n- Training of a look · Trained · just now" in visit.says
    gone = pages.service.delete_profile("ada", dry_run=True)
    assert f"Files that are deleted: **{len(gone.artifacts)}**" in visit.says
    visit.field("typed-name").set_value("bob")
    visit.click("delete", "Delete ada")
    assert "That is another name. Type ada." in visit.says
    assert pages.service.profile("ada")
    visit.field("typed-name").set_value("ada")
    visit.click("delete", "Delete ada")
    assert pages.service.profiles() == []
    assert [*pages.service.jobs(text=job)] == []
    assert (visit.heading, visit.address) == ("Profiles", {})


def test_a_profile_in_use_is_not_deleted(pages):
    ada(pages)
    job = pages.service.submit(template="talking_portrait", params={"topic": "bees"}, profile="ada").id
    visit = pages.open("profiles", profile="ada").click("delete")
    visit.field("typed-name").set_value("ada")
    visit.click("delete", "Delete ada")
    assert f"profile ada is used by job {job}" in visit.page.error[0].value
    assert f"spinbot jobs cancel {job}" in visit.page.error[0].value
    assert pages.service.profile("ada")


def test_deleting_a_version_says_what_stays(pages):
    ada(pages)
    trained(pages)
    visit = pages.open("profiles", profile="ada").click("delete-look-1")
    assert "Files that are deleted: **0**" in visit.says
    assert "Files that stay because something else needs them" in visit.says
    assert "**Jobs that were given it or have made it stay, with their files: 1**" in visit.says
    visit.click("delete-look-1", "Delete it")
    assert [part.kind for part in pages.service.profile("ada").parts] == ["portrait"]
    assert "Look 1" not in visit.says


def test_a_profile_that_is_not_there_is_told(pages):
    visit = pages.open("profiles", profile="nobody")
    assert visit.page.warning[0].value == "there is no profile 'nobody'."


def ready(pages: Pages, *names: str, **address: str) -> Visit:
    """The form of a training with these pictures."""
    visit = pages.open("train", profile="ada", **address)
    return visit.tell("look-upload", "added", pictures(pages, *names))


def test_nothing_is_learned_before_there_is_consent(pages):
    assert "Choose or name a profile" in pages.open("train").says
    visit = pages.open("train", profile="ada")
    assert visit.buttons() == ["Create the profile ada"]
    pages.service.create_profile("ada")  # Streamlit's tests cannot send a name that is no option; a browser does
    visit = pages.open("train", profile="ada")
    assert "Nothing can be made of ada before the consent is on record." in visit.says
    visit.tell("look-upload", "added", pictures(pages, "a.png", "b.png", "c.png"))
    assert "train" not in [button.key for button in visit.page.button]
    visit.field("Person").set_value("Ada Lovelace")
    visit.field("Purpose").set_value("tests")
    visit.page.checkbox[0].check()
    visit.click("attest")
    assert "Ada Lovelace has agreed: tests" in visit.says
    assert not visit.button("train").disabled


def test_a_look_is_trained_with_what_was_changed_alone(pages, monkeypatch):
    ada(pages)
    train, asked = pages.service.train, []

    def heard(name: str, **given: Any) -> Any:
        asked.append((name, given))
        return train(name, **given)

    monkeypatch.setattr(pages.service, "train", heard)
    visit = ready(pages, "a.png", "b.png", "c.png")
    assert visit.metric("Steps") == "2, 0 from the cache"
    visit.click("Train the look of ada")
    [(name, given)] = asked
    assert (name, given["settings"]) == ("ada", {})
    assert [one.name for one in given["pictures"]] == ["a.png", "b.png", "c.png"]
    [job] = pages.service.jobs()
    assert (visit.address["job"], visit.part("job_view")["job"]) == (job.id, job.id)

    preset = {"look-preset": "style", "look-max_train_steps": "50", "look-flip": "false"}
    visit = ready(pages, "d.png", **preset)
    visit.fill(**{"look-rank": 16, "look-sample_prompts": "one\n\n two "})
    visit.click("Train the look of ada")
    changed = {"preset": "style", "max_train_steps": 50, "flip": False, "rank": 16, "sample_prompts": ["one", "two"]}
    assert asked[1][1]["settings"] == changed


def test_a_voice_is_trained_from_recordings(pages):
    ada(pages)
    spoken = pages.service.upload(sound(1.0), name="a.wav").model_dump()
    visit = pages.open("train", profile="ada", what="voice")
    assert "Add recordings; then you see here" in visit.says
    visit.tell("voice-upload", "added", [spoken, *pictures(pages, "no.png")])
    assert [toast.value for toast in visit.page.toast] == ["no.png has no sound. Pictures are learned from under Look."]
    visit.keep("voice-texts", texts={spoken["artifact"]: " What I say. "})
    visit.click("Train the voice of ada")
    [job] = pages.service.jobs()
    given = pages.service.job(job.id).graph["nodes"]["recordings"]["params"]["recordings"]
    assert given == [{"artifact": spoken["artifact"], "name": "a.wav", "text": "What I say."}]


def test_pictures_are_taken_out_and_two_of_one_name_are_told_apart(pages):
    ada(pages)
    one, other = pictures(pages, "a.png", "b.png")
    other["name"] = "a.png"
    pages.service.upload(PORTRAIT.read_bytes() + b"b.png", name="a.png")
    visit = pages.open("train", profile="ada").tell("look-upload", "added", [one, other])
    items = next(part for part in visit.parts("uploader") if part["multiple"])["items"]
    assert [item["name"] for item in items] == ["a.png", "a.png (2)"]
    visit.tell("look-upload", "removed", one["artifact"])
    items = next(part for part in visit.parts("uploader") if part["multiple"])["items"]
    assert [item["artifact"] for item in items] == [other["artifact"]]
    gone = pages.open("train", profile="ada", files="0123456789abcdef")
    assert "1 of these files are not among your uploads any more" in gone.says


def test_data_is_checked_before_it_is_learned_from(pages):
    ada(pages)
    visit = ready(pages, "a.png", "blur.png").click("check")
    [job] = pages.service.jobs()
    assert (job.name, visit.part("job_view")["job"]) == ("check_pictures", job.id)
    pages.service.runner.run(job.id)
    visit.again()
    [error] = visit.page.error
    assert "Nothing can be learned from these yet." in error.value
    assert "only 1 pictures are fit; 3 are needed" in error.value
    assert "add more pictures" in error.value
    assert visit.button("train").disabled
    [file] = visit.part("findings")["files"]
    assert (file["name"], file["found"][0]["message"]) == ("blur.png", "it is blurred")
    assert "Mend the data first" in visit.says
    visit.tell("look-upload", "added", pictures(pages, "c.png", "d.png"))
    assert "The files have changed since they were checked." in visit.says
    visit.click("check")
    pages.service.runner.run(pages.service.jobs_page().data[0].id)
    visit.again()
    assert "Fit for training: 3 pictures are used, 1 left out." in visit.says
    assert not visit.button("train").disabled


def test_a_check_that_fails_says_why_and_is_tried_again(pages):
    ada(pages)
    pages.service.runner.faults["check_pictures"] = ModelError("no weights", hint="spinbot models pull mediapipe-face")
    visit = ready(pages, "a.png").click("check")
    [job] = pages.service.jobs()
    pages.service.runner.run(job.id)
    visit.again()
    assert "spinbot models pull mediapipe-face" in visit.page.error[0].value
    visit.click("check-retry")
    assert pages.service.job(job.id).state == "queued"


def test_recordings_that_were_checked_show_what_was_heard(pages):
    ada(pages)
    spoken = pages.service.upload(sound(1.0), name="a.wav").model_dump()
    visit = pages.open("train", profile="ada", what="voice").tell("voice-upload", "added", [spoken]).click("check")
    pages.service.runner.run(pages.service.jobs_page().data[0].id)
    visit.again()
    assert "Fit for training: 1 clips are used, 9 s of speech; 0 left out." in visit.says
    tables = [table.value.to_dict("records") for table in visit.page.table]
    assert [{"Recording": "a.wav", "Place": "0.5–9.5 s", "Words": "I say something."}] in tables


def test_a_training_goes_through_its_states(pages):
    ada(pages)
    [one] = pictures(pages, "a.png")
    job = pages.service.train("ada", pictures=[Picture(artifact=one["artifact"], name="a.png")]).id
    visit = pages.open("train")

    def shown() -> str:
        state: str = visit.again().part("job_rows")["rows"][0]["shown"]
        return state

    assert shown() == "Queued"
    pages.service.runner.begin(job, "look")
    assert shown() == "Training"
    pages.service.runner.faults["train_look"] = InputError("too few pictures", hint="add some")
    pages.service.runner.run(job)
    assert shown() == "Failed"
    visit.tell("train-rows", "open", job)
    assert "**What to do:** add some" in visit.page.error[0].value
    pages.service.runner.faults.pop("train_look")
    visit.click("act-retry")
    pages.service.runner.run(job)
    visit.again()
    assert "The new look of ada" in visit.says
    assert visit.links()["diffusers"].startswith("/studio/files/sha256:")
    figures = [item["artifact"] for part in visit.parts("figures") for item in part["items"]]
    assert pages.service.job(job).result()["look"]["samples"] in figures
    visit.click("Make a video with this profile")
    assert (visit.field("who").value, visit.field("profile").value) == ("profile", "ada")
    visit = pages.open("train")
    assert shown() == "Trained"


def test_pictures_without_a_caption_are_described_where_there_is_a_captioner(pages):
    ada(pages)
    assert not ready(pages, "a.png", "b.png", "c.png").page.toggle  # this service has none
    pages.service.installed.add("caption-model")
    pages.forget()
    visit = ready(pages, "a.png", "b.png", "c.png").click("check")
    pages.service.runner.run(pages.service.jobs_page().data[0].id)
    assert "The files have changed" not in visit.again().says
    visit.fill(describe=True)
    assert "The files have changed since they were checked." in visit.says
    visit.click("check")
    [checked, _] = pages.service.jobs()
    assert pages.service.job(checked.id).graph["nodes"]["check"]["params"]["auto_caption"]
    pages.service.runner.run(checked.id)
    visit.again().click("Train the look of ada")
    job = pages.service.job(visit.address["job"])
    assert job.graph["nodes"]["look"]["inputs"]["captions"] == {"node": "describe", "output": "captions"}
    pages.service.runner.run(job.id)
    visit.again().click("Change and train again")
    assert visit.field("describe").value
    given = next(part for part in visit.parts("uploader") if part["multiple"])["items"]
    visit.keep("look-texts", texts={one["artifact"]: "a garden" for one in given})
    assert not visit.page.toggle  # nothing is left to describe


def test_a_training_fills_the_form_again(pages):
    ada(pages)
    visit = ready(pages, "a.png", "b.png", **{"look-rank": "16", "look-flip": "false"})
    artifact = next(part for part in visit.parts("uploader") if part["multiple"])["items"][0]["artifact"]
    visit.keep("look-texts", texts={artifact: "in a red sweater"}).click("Train the look of ada")
    [job] = pages.service.jobs()
    pages.service.runner.run(job.id)
    visit.again().click("Change and train again")
    assert (visit.field("profile").value, visit.field("look-rank").value) == ("ada", 16)
    assert visit.field("look-flip").value == "false"
    items = next(part for part in visit.parts("uploader") if part["multiple"])["items"]
    assert [item["name"] for item in items] == ["a.png", "b.png"]
    assert [item["text"] for item in visit.part("captions")["items"]] == ["in a red sweater", ""]
    visit.click("Train the look of ada")
    again = pages.service.job(visit.address["job"]).graph["nodes"]["look"]["params"]
    assert again == pages.service.job(job.id).graph["nodes"]["look"]["params"]
