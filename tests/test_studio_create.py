"""The page on which videos are asked for: what is seen beforehand, and exactly what is submitted."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from spinbot.cli.generate import generate
from spinbot.errors import ModelError
from tests.api import PORTRAIT
from tests.fake_outputs import sound
from tests.studio_pages import Pages, Visit, visiting

LOOK = "a woman with long dark hair and a green jacket, grey wall"
SHAPE = {"seconds": 10, "aspect": "1:1", "captions": "srt", "seed": 0}
NOT_READY = "Say what the video is about and who speaks"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with visiting(monkeypatch) as pages:
        yield pages


@pytest.fixture
def asked(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests that are submitted, as they are."""
    submit, asked = pages.service.submit, []

    def heard(**request: Any) -> Any:
        asked.append(request)
        return submit(**request)

    monkeypatch.setattr(pages.service, "submit", heard)
    return asked


def film(**params: Any) -> dict[str, Any]:
    """What the form asks for where nothing else was chosen."""
    return {"template": "talking_portrait", "params": {"topic": "bees", "look": LOOK} | SHAPE | params}


def test_an_empty_studio_offers_the_demo_and_one_click_makes_it(pages, asked):
    visit = pages.open("create")
    assert "Your first video is one click away" in visit.says
    visit.click("demo")
    [job] = pages.service.jobs()
    assert (visit.address, visit.heading) == ({"job": job.id}, "how bees make honey")
    params = {"topic": "how bees make honey", "look": LOOK, "captions": "burn", "seconds": 10}
    assert asked == [{"template": "talking_portrait", "params": params}]
    assert "one click away" not in pages.open("create").says


def test_a_topic_is_planned_and_then_made(pages, asked):
    visit = pages.open("create")
    assert NOT_READY in visit.says
    assert "Make the video" not in visit.buttons()
    visit.fill(topic=" bees ")
    assert NOT_READY not in visit.says
    assert (visit.metric("Time"), visit.metric("Steps")) == ("12 s", "8, 0 from the cache")
    assert visit.metric("Memory") == "210 MB"
    assert asked == []
    visit.click("render")
    [job] = pages.service.jobs()
    assert (asked, visit.address) == ([film()], {"job": job.id})


def test_the_plan_says_what_is_in_the_cache_and_lists_the_steps(pages):
    pages.service.cached = {"write_script", "draw_image"}
    visit = pages.open("create", topic="bees")
    assert (visit.metric("Time"), visit.metric("Steps")) == ("9 s", "8, 2 from the cache")
    [table] = visit.page.table
    rows = table.value.to_dict("records")
    first = {"Step": "Write the script", "State": "from the cache", "Takes": "< 1 s", "With": ""}
    assert rows[0] == first
    assert [row["State"] for row in rows[2:]] == ["to be done"] * 6


def test_what_can_never_run_cannot_be_asked_for(pages):
    pages.service.lacking = ["the group vision may take 1.0 GB; it needs 2.0 GB"]
    visit = pages.open("create", topic="bees")
    assert "the group vision may take 1.0 GB" in visit.page.warning[0].value
    assert visit.button("render").disabled


def test_every_choice_is_asked_for(pages, asked):
    visit = pages.open("create").fill(topic="bees", look="an old man")
    visit.fill(voice="stock:alpha", seconds=20, aspect="9:16", captions="burn", seed=7, sway=0.5).click("render")
    chosen = {"look": "an old man", "voice": "stock:alpha", "seconds": 20, "aspect": "9:16", "captions": "burn"}
    assert asked == [film(**chosen, seed=7, sway=0.5)]


def test_what_stands_in_the_address_is_in_the_form(pages, asked):
    address = {"topic": "bees", "look": "an old man", "voice": "stock:alpha", "seconds": "20", "aspect": "16:9"}
    visit = pages.open("create", **address, seed="7", sway="0.5")
    assert visit.field("topic").value == "bees"
    visit.click("render")
    chosen = {"look": "an old man", "voice": "stock:alpha", "seconds": 20, "aspect": "16:9"}
    assert asked == [film(**chosen, seed=7, sway=0.5)]


def test_each_of_several_topics_becomes_a_video(pages, asked):
    visit = pages.open("create").fill(how="topics")
    visit.fill(many="bees\n\n  wasps \nants\n")
    assert "Write the script first" not in visit.buttons()
    visit.click("Make 3 videos")
    assert asked == [film(topic=topic) for topic in ("bees", "wasps", "ants")]
    assert (visit.heading, visit.address) == ("Jobs", {})
    assert [row["title"] for row in visit.part("job_rows")["rows"]] == ["ants", "wasps", "bees"]


def test_a_script_of_ones_own_is_said_word_for_word(pages, asked):
    visit = pages.open("create").fill(how="script")
    visit.fill(text="Hello there. How are you?\n").click("render")
    params = film()["params"] | {"script": "Hello there. How are you?"}
    del params["topic"], params["seconds"]  # a script is as long as it is
    assert asked == [{"template": "talking_portrait", "params": params}]


def drafted(pages: Pages) -> Visit:
    """A script that was written first, as it is shown."""
    visit = pages.open("create", topic="bees").click("write")
    pages.service.runner.run(visit.address["draft"])
    return visit.again()


def test_a_script_is_written_first_changed_and_then_said(pages, asked):
    visit = pages.open("create", topic="bees", seconds="20", seed="3").click("write")
    assert asked == [{"template": "script", "params": {"topic": "bees", "seconds": 20, "seed": 3}}]
    [draft] = pages.service.jobs()
    assert visit.address["draft"] == draft.id
    assert visit.part("job_view")["job"] == draft.id  # how far it is
    assert "Make the video" not in visit.buttons()
    pages.service.runner.run(draft.id)
    visit.again()
    assert [visit.field(f"s{n}").value for n in range(3)] == [
        "Let me tell you bees.",
        "It is simpler than it looks.",
        "Now you know.",
    ]
    visit.fill(s0="Bees make honey.", s1="  ").click("render")
    params = film(seed=3)["params"] | {"script": "Bees make honey.\n\nNow you know."}
    del params["topic"], params["seconds"]
    assert asked[1:] == [{"template": "talking_portrait", "params": params}]


def test_a_draft_can_be_thrown_away(pages):
    visit = drafted(pages)
    visit.click("discard")
    assert "draft" not in visit.address
    assert "Write the script first" in visit.buttons()


def test_a_draft_that_fails_says_why(pages):
    pages.service.runner.faults["write_script"] = ModelError("no weights", hint="spinbot models pull smollm2")
    visit = drafted(pages)
    [error] = visit.page.error
    assert "no weights" in error.value
    assert "Failed at: Write the script" in error.value
    assert "spinbot models pull smollm2" in error.value
    assert "Make the video" not in visit.buttons()


def test_a_photo_is_taken_and_taken_out_again(pages, asked):
    portrait = pages.service.upload(PORTRAIT)
    visit = pages.open("create", topic="bees", who="photo")
    assert visit.part("uploader")["items"] == []
    assert NOT_READY in visit.says
    added = portrait.model_dump() | {"notes": ["it is cropped"]}
    visit.tell("photo-upload", "added", [added])
    assert [toast.value for toast in visit.page.toast] == ["it is cropped"]
    assert visit.address["photo"] == portrait.artifact
    [item] = visit.part("uploader")["items"]
    assert item == {"artifact": portrait.artifact, "name": "demo.png", "kind": "image"}
    visit.click("render")
    params = film(portrait=portrait.artifact)["params"]
    del params["look"]
    assert asked == [{"template": "talking_portrait", "params": params}]
    visit = pages.open("create", topic="bees", who="photo", photo=portrait.artifact, photo_name="me.png")
    visit.tell("photo-upload", "removed", portrait.artifact)
    assert "photo" not in visit.address
    assert NOT_READY in visit.says


def test_a_photo_that_is_not_there_is_told_in_the_plan(pages):
    visit = pages.open("create", topic="bees", who="photo", photo=f"sha256:{'0' * 64}")
    [error] = visit.page.error
    assert "is not in the store" in error.value
    assert visit.button("render").disabled


def test_a_profile_speaks_once_its_consent_is_on_record(pages, asked):
    service = pages.service
    visit = pages.open("create", topic="bees", who="profile")
    assert "There is no profile yet" in visit.says
    service.create_profile("ada")
    visit.again()
    [refused] = visit.page.warning
    assert refused.value == "Nothing says that ada agreed. Put the consent on record under Profiles."
    assert "Make the video" not in visit.buttons()
    service.attest("ada", "Ada Lovelace", "tests")
    visit.again()
    [error] = visit.page.error
    assert "profile ada has no portrait" in error.value
    assert "spinbot profile add ada" in error.value
    assert visit.button("render").disabled
    service.add_portrait("ada", service.upload(PORTRAIT).artifact)
    service.create_profile("zoe")
    visit = pages.open("create", topic="bees", who="profile", profile="ada", seed="1")
    visit.click("render")
    params = film(seed=1)["params"]
    del params["look"]
    assert asked == [{"template": "talking_portrait", "params": params, "profile": "ada"}]


def test_a_voice_is_heard_at_once(pages, monkeypatch):
    said = []
    monkeypatch.setattr(pages.service, "speech", lambda text, **how: said.append((text, how)) or sound())
    visit = pages.open("create")
    assert visit.button("hear").disabled
    visit.fill(voice="piper:joe").click("hear")
    sample = "Hello! This is how I sound when I tell you something."
    assert said == [(sample, {"voice": "piper:joe", "engine": "piper"})]
    [audio] = visit.page.get("audio")
    assert audio.proto.autoplay
    visit.fill(topic="bees").click("hear")
    assert said[1][0] == "bees"


def test_the_request_can_be_copied_and_holds_no_key(pages):
    visit = pages.open("create", topic="how bees' honey is made", voice="stock:alpha")
    shell, python, command = (code.value for code in visit.page.code)
    assert shell.startswith("curl http://127.0.0.1:8000/v1/jobs")
    assert '"template": "talking_portrait"' in shell
    assert "Authorization" not in shell
    assert "client.submit(" in python
    assert "'topic': \"how bees' honey is made\"" in python
    compile(python, "copied", "exec")
    assert command.startswith("spinbot generate 'how bees'")
    assert "--voice stock:alpha --seconds 10" in command.replace("\\\n", "")
    keyed = pages.service.visitor.model_copy(update={"keys_required": True})
    pages.service.visitor = keyed
    shell = pages.open("create", topic="wasps").page.code[0].value
    assert 'Bearer $SPINBOT_API_KEY"' in shell


def test_the_command_asks_for_the_same_as_the_form(pages, asked):
    """Each of its options is one of `spinbot generate`, and everything that was chosen is in it."""
    chosen = {"look": "an old man", "voice": "stock:alpha", "aspect": "9:16", "captions": "burn"}
    visit = pages.open("create", topic="bees", seconds="20", seed="7", sway="0.5", **chosen)
    options = _options(visit.page.code[2].value)
    visit.click("render")
    [request] = asked
    assert {name: str(value) for name, value in request["params"].items() if name != "topic"} == options
    assert options.keys() <= inspect.signature(generate).parameters.keys()
    service = pages.service
    service.create_profile("ada")
    service.attest("ada", "Ada Lovelace", "tests")
    service.add_portrait("ada", service.upload(PORTRAIT).artifact)
    visit = pages.open("create", how="script", text="It's me.", who="profile", profile="ada")
    command = visit.page.code[2].value
    assert command.startswith("cat > script.txt <<'END'\nIt's me.\nEND\nspinbot generate --script script.txt")
    assert "--profile ada" in command
    assert "--seconds" not in command


def _options(command: str) -> dict[str, str]:
    words = shlex.split(command)
    given = {name.lstrip("-"): value for name, value in pairwise(words) if name.startswith("--")}
    assert words[:3] == ["spinbot", "generate", "bees"]
    return given


def test_what_the_service_refuses_is_told_beside_the_button(pages, monkeypatch):
    visit = pages.open("create", topic="bees")

    def refuse(**request: Any) -> Any:
        raise ModelError("the disk is full", hint="make room")

    monkeypatch.setattr(pages.service, "submit", refuse)
    visit.click("render")
    [error] = visit.page.error
    assert error.value == "**the disk is full**\n\nmake room"
    assert visit.field("topic").value == "bees"
