"""A person in the studio: learned from pictures and recordings, used in a video, deleted; as people do it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from spinbot.client import Client
from tests.browser import JOB_MS, Studio, drop, playing, settled, studio
from tests.people import photos, recording

pytestmark = [pytest.mark.ray, pytest.mark.models, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def running(studio_home: Path) -> Iterator[Studio]:
    """One studio for the whole module: the second test goes on where the first one ends."""
    with studio(studio_home) as found:
        yield found


def add(page: Page, files: list[Path]) -> None:
    """Upload what is to be learned from, and see that the page keeps it."""
    drop(page, page.locator("label.zone").last, *files)
    for file in files:
        expect(page.get_by_role("button", name=f"Remove: {file.name}")).to_be_visible()
    settled(page)


def steps(page: Page, count: int) -> None:
    field = page.get_by_label("Steps", exact=True)
    field.fill(str(count))
    field.press("Enter")
    settled(page)


def test_a_look_and_a_voice_are_trained_and_the_profile_speaks(running, page, tmp_path, models):
    pictures = sorted(photos(tmp_path / "photos").glob("*.png"))
    sound = recording(tmp_path / "ada.wav", models)
    page.goto(f"{running.url}/train")
    name = page.get_by_role("combobox", name="Profile")
    name.fill("ada")
    name.press("Enter")
    page.get_by_role("button", name="Create the profile ada").click()
    expect(page.get_by_text("Nothing can be made of ada before the consent is on record.")).to_be_visible()
    add(page, pictures)
    expect(page.get_by_role("button", name="Train the look of ada")).to_be_hidden()  # no consent, no training
    page.get_by_label("Person", exact=True).fill("Ada Lovelace")
    page.get_by_label("Purpose").fill("our course videos")
    page.get_by_label("Purpose").press("Enter")
    page.get_by_text("I attest that this person has agreed to this.").click()
    page.get_by_role("button", name="Put on record").click()
    expect(page.get_by_text("Ada Lovelace has agreed: our course videos")).to_be_visible()
    page.reload()  # the pictures are still there
    expect(page.get_by_role("button", name="Remove: 0.png")).to_be_visible()
    page.get_by_role("button", name="Check the data").click()
    expect(page.get_by_text("Fit for training:").first).to_be_visible(timeout=JOB_MS)
    steps(page, 2)
    page.get_by_role("button", name="Train the look of ada").click()
    expect(page.get_by_text("Training", exact=True).first).to_be_visible()
    expect(page.get_by_role("heading", name="The new look of ada")).to_be_visible(timeout=JOB_MS)
    expect(page.get_by_text("Trained", exact=True).first).to_be_visible()
    expect(page.get_by_role("img", name="Loss").first).to_be_visible()

    page.goto(f"{running.url}/train?what=voice&profile=ada")
    add(page, [sound])
    steps(page, 2)
    page.get_by_role("button", name="Train the voice of ada").click()
    expect(page.get_by_role("heading", name="The new voice of ada")).to_be_visible(timeout=2 * JOB_MS)
    expect(page.locator("audio")).not_to_have_count(0)  # before and after
    page.get_by_role("button", name="Make a video with this profile").click()
    topic = page.get_by_label("Topic", exact=True)
    topic.fill("what an engine is")
    topic.press("Enter")
    page.get_by_role("button", name="Make the video").click()
    expect(page.get_by_role("button", name="Review this video")).to_be_visible(timeout=JOB_MS)
    playing(page, "what an engine is")
    with Client(running.service) as client:
        made = client.job(next(client.jobs(names=("talking_portrait",))).id)
    assert {"load_look", "load_voice"} <= {node["type"] for node in made.graph["nodes"].values()}


def test_a_profile_goes_with_everything_made_of_it_after_its_name_was_typed(running, page):
    page.goto(f"{running.url}/profiles?profile=ada")
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()
    page.get_by_role("button", name="Delete the profile").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Jobs with all that they made: 3")).to_be_visible()
    name = dialog.get_by_label("Type ada to delete it")
    name.fill("eve")
    name.press("Enter")
    dialog.get_by_role("button", name="Delete ada").click()
    expect(dialog.get_by_text("That is another name. Type ada.")).to_be_visible()
    name.fill("ada")
    name.press("Enter")
    dialog.get_by_role("button", name="Delete ada").click()
    expect(page.get_by_text("There is no profile yet.")).to_be_visible()
    page.goto(f"{running.url}/gallery")
    expect(page.get_by_text("No video yet.")).to_be_visible()
