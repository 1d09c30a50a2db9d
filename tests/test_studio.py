"""The studio as people use it: a real service with the starter models, a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from spinbot.client import Client
from tests.browser import JOB_MS, Studio, drop, playing, settled, studio, tab, until

pytestmark = [pytest.mark.ray, pytest.mark.models, pytest.mark.timeout(900)]

PORTRAIT = Path(__file__).parent.parent / "spinbot/media/portraits/demo.png"


CLICK = """
(key) => {
  document.querySelector(`.st-key-${key} button`).click();
  const roots = [...document.querySelectorAll("[data-testid^=stBidi]")].map((part) => part.shadowRoot);
  const bars = roots.flatMap((root) => [...(root?.querySelectorAll("[role=progressbar]") ?? [])]);
  return bars.find((bar) => bar.getBoundingClientRect().height)?.ariaLabel;
}
"""
"""Click a button; the name of the progress bar that is there at once."""


@pytest.fixture(scope="module")
def running(studio_home: Path) -> Iterator[Studio]:
    """One studio for the whole module: its models stay loaded. Tests stand in an order, as a visitor's first hour."""
    with studio(studio_home) as found:
        yield found


@pytest.fixture
def client(running: Studio) -> Iterator[Client]:
    with Client(running.service) as opened:
        yield opened


def progress(page: Page):
    return page.get_by_role("progressbar", name="Progress of the job")


def done(page: Page) -> None:
    """Wait until the job in view has made its video."""
    expect(page.get_by_role("button", name="Review this video")).to_be_visible(timeout=JOB_MS)


def test_an_empty_studio_makes_a_video_that_plays_after_one_click(running, page):
    page.goto(running.url)
    expect(page.get_by_role("heading", name="Your first video is one click away")).to_be_visible()
    expect(page.get_by_role("button", name="Make the demo video")).to_be_visible()
    expect(page.locator(".begun")).to_be_attached()
    assert page.evaluate(CLICK, "demo") == "Starting…"  # before anything was answered
    expect(progress(page)).to_be_visible()
    expect(page.get_by_text("Generating").first).to_be_visible()
    done(page)
    expect(progress(page)).to_have_attribute("aria-valuenow", "100")
    playing(page, "how bees make honey")


def test_a_photo_speaks_a_script_that_was_edited_before_and_after(running, page, client):
    page.goto(f"{running.url}/?topic=why+the+sea+is+salty")
    page.get_by_role("radio", name="Photo").click()
    page.locator("input[type=file]").set_input_files(PORTRAIT)
    expect(page.get_by_role("img", name="demo.png")).to_be_visible()
    page.get_by_role("button", name="Write the script first").click()
    first = page.get_by_label("Sentence 1")
    expect(first).to_be_visible(timeout=JOB_MS)
    first.fill("The sea is salty because rivers carry minerals to it.")
    first.press("Control+Enter")
    settled(page)
    page.reload()  # what was written is not lost
    expect(first).to_have_value("The sea is salty because rivers carry minerals to it.")
    page.get_by_role("button", name="Make the video").click()
    done(page)
    page.get_by_role("button", name="Review this video").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved").first).to_be_visible()
    playing(page, "The sea is salty because rivers carry minerals")
    [approved] = client.jobs(review="approved")
    assert (approved.outputs or {})["script"]["sentences"][0].startswith("The sea is salty because rivers")
    page.get_by_label("Sentence 1").fill("Rivers bring the salt to the sea.")
    page.get_by_role("button", name="Re-render").first.click()
    expect(progress(page)).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_visible(timeout=JOB_MS)
    [again] = list(client.jobs(names=("talking_portrait",), limit=1))
    made = client.job(again.id)
    sentences = (made.outputs or {})["script"]["sentences"]
    assert sentences[0] == "Rivers bring the salt to the sea."
    assert made.nodes["perform/animate-1"].state == "succeeded"
    assert {made.nodes[f"perform/animate-{n}"].state for n in range(2, len(sentences) + 1)} <= {"cached"}
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("With which video").click()
    page.get_by_role("option").nth(1).click()
    page.get_by_role("button", name="Play both").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("tab", name="Content Credentials").click()
    expect(page.get_by_text("The signature holds and no byte has changed since.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="SRT").click()
    assert "-->" in download.value.path().read_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Sidecar").click()
    assert '"graph"' in download.value.path().read_text()
    page.get_by_role("button", name="Use these settings again").click()
    expect(page.get_by_label("Script", exact=True)).to_have_value(re.compile("^Rivers bring the salt"))


def test_a_voice_is_heard_before_anything_is_made(running, page):
    page.goto(f"{running.url}/?voice=stock%3Akumo")
    page.get_by_role("button", name="Listen").click()
    sound = page.locator("audio")
    expect(sound).to_be_attached(timeout=JOB_MS)
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.5")  # without a second click


def test_the_gallery_shows_what_was_approved_and_opens_it(running, page):
    page.goto(f"{running.url}/gallery?show=approved")
    poster = page.get_by_role("link", name="The sea is salty because rivers carry minerals")
    expect(poster).to_have_count(1)
    poster.click()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_a_reload_and_a_second_visitor_see_the_same_job_go_on(running, page, browser):
    page.goto(f"{running.url}/?topic=how+snow+is+made")
    page.get_by_role("button", name="Make the video").click()
    expect(progress(page)).to_be_visible()
    page.reload()
    expect(progress(page)).to_be_visible()
    with tab(browser) as other:
        other.goto(f"{running.url}/jobs")
        row = other.get_by_role("listitem").filter(has_text="how snow is made")
        expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
        row.get_by_role("link", name="how snow is made").click()
        expect(progress(other)).to_be_visible()
        for visitor in (page, other):
            expect(progress(visitor)).to_have_attribute("aria-valuenow", "100", timeout=JOB_MS)
            done(visitor)


def test_several_topics_become_several_jobs_and_one_is_cancelled(running, page, client):
    client.pause_queue()
    page.goto(f"{running.url}/?how=topics")
    page.get_by_role("textbox", name="Topics, one a line").fill("what rain is\nwhat wind is")
    page.get_by_role("textbox", name="Topics, one a line").press("Control+Enter")
    page.get_by_role("button", name="Make 2 videos").click()
    rows = page.get_by_role("listitem").filter(has_text=re.compile("what (rain|wind) is"))
    expect(rows).to_have_count(2)
    expect(page.get_by_text("The queue is paused")).to_be_visible()
    page.get_by_role("button", name="Cancel: what rain is").click()
    page.get_by_role("button", name="Resume the queue").click()
    expect(rows.filter(has_text="what rain is").get_by_text("Cancelled")).to_be_visible(timeout=JOB_MS)
    page.get_by_role("button", name="Cancel: what wind is").click()  # also one that runs
    expect(rows.filter(has_text="what wind is").get_by_text("Cancelled")).to_be_visible(timeout=JOB_MS)
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()


def test_a_job_that_fails_says_where_why_and_what_to_do_and_can_be_tried_again(running, page, client, tmp_path):
    wall = tmp_path / "wall.png"
    Image.new("RGB", (400, 400), (120, 140, 160)).save(wall)
    page.goto(f"{running.url}/?topic=how+walls+are+built&who=photo")
    page.locator("input[type=file]").set_input_files(wall)
    page.get_by_role("button", name="Make the video").click()
    alert = page.get_by_role("alert").filter(has_text="Failed at: Find the face")
    expect(alert).to_be_visible(timeout=JOB_MS)
    expect(alert).to_contain_text("What to do:")
    expect(page.get_by_text("FailedGen").first).to_be_visible()
    job = page.url.rsplit("=", 1)[1]
    page.get_by_role("button", name="Retry").click()
    until(page, lambda: client.job(job).nodes["face"].attempt == 2)
    expect(alert).to_be_visible()  # the picture has no face, still


def test_what_is_no_picture_is_refused_where_it_was_dropped(running, page, tmp_path):
    text = tmp_path / "face.png"
    text.write_text("not a picture")
    page.goto(f"{running.url}/?who=photo")
    drop(page, page.locator("label.zone"), text)
    expect(page.get_by_role("alert").filter(has_text="face.png:")).to_be_visible()


def test_the_pages_speak_chinese_to_who_asks_for_it(running, browser):
    with tab(browser, locale="zh-CN") as page:
        page.goto(f"{running.url}/jobs")
        expect(page.get_by_role("link", name="任务")).to_be_visible()
        page.get_by_role("combobox", name=re.compile("Language")).click()
        page.get_by_role("option", name="English").click()
        expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Jobs")).to_be_visible()


def test_pages_of_other_sites_cannot_use_the_studio(running):
    """Neither with a name of their own that leads to this machine, nor from their own address."""
    port = running.url.rsplit(":", 1)[1]
    foreign = {"Host": f"evil.example:{port}"}
    for path in ("/", "/studio/files/sha256:0", "/_stcore/health"):
        assert httpx.get(running.url + path, headers=foreign).status_code == 403
    sent = httpx.post(
        f"{running.url}/studio/uploads?name=a.png", content=b"x", headers={"Origin": "http://evil.example"}
    )
    assert (sent.status_code, sent.json()["code"]) == (403, "bad_origin")
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://127.0.0.1:{port}/studio/live", origin=Origin("http://evil.example")),
    ):
        pass


def test_the_pages_come_back_when_their_process_is_killed(running, page):
    page.goto(f"{running.url}/jobs")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    port = running.url.rsplit(":", 1)[1]
    [process] = [one for one in psutil.process_iter(["cmdline"]) if serves_pages(one, port)]
    process.kill()
    until(page, lambda: answers(running.url))
    page.reload()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()


def serves_pages(process: psutil.Process, port: str) -> bool:
    line = process.info["cmdline"] or ()
    return "app_streamlit" in line and port in line


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_stcore/health").is_success
    except httpx.TransportError:
        return False
