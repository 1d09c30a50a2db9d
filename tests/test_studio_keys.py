"""The studio in front of a service that wants keys, and what every page is to those who do not see or use a mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from spinbot.client import Client
from spinbot.config import Settings
from spinbot.store.database import connect
from spinbot.store.keys import Keys
from tests.browser import Studio, settled, studio, tab, until

pytestmark = [pytest.mark.ray, pytest.mark.models, pytest.mark.timeout(600)]

MISSING = "resemblyzer-ge2e"
SERIOUS = ("serious", "critical")
PAGES = {
    "create": "/?topic=what+rain+is",
    "train": "/train",
    "jobs": "/jobs",
    "job": "/jobs?job={job}",
    "gallery": "/gallery",
    "review": "/review?job={job}",
    "profiles": "/profiles",
    "system": "/system",
    "models": "/system?section=models",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Callable[[str], Path]) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    for model in models("kokoro-82m-int8").parent.iterdir():
        if model.name != MISSING:
            (home / "models" / model.name).symlink_to(model)
    return home


@pytest.fixture(scope="module")
def key(home: Path) -> str:
    """A key of the installation, with every scope."""
    engine = connect(Settings(home=home).database)
    _, secret = Keys(engine).create("ada", scopes=("read", "write", "admin"))
    engine.dispose()
    return secret


@pytest.fixture(scope="module")
def running(home: Path, key: str) -> Iterator[Studio]:
    with studio(home, SPINBOT_REQUIRE_KEYS="on", SPINBOT_API_KEY="") as found:
        yield found


def test_a_wrong_key_is_refused_and_the_right_one_is_kept_until_it_is_given_back(running, key, browser):
    with tab(browser) as page:
        page.goto(running.url)
        field = page.get_by_label("API key", exact=True)
        field.fill("sb_wrong")
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("alert").filter(has_text="key is not valid")).to_be_visible()
        field.fill(key)
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("heading", name="Create a video")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Create a video")).to_be_visible()
        assert "spinbot_key" not in page.evaluate("document.cookie")  # no script can read it
        page.get_by_role("button", name="Sign out").click()
        expect(field).to_be_visible()


@pytest.fixture(scope="module")
def film(running: Studio, key: str) -> str:
    """A finished video."""
    with Client(running.service, key) as client:
        look = {"look": "a woman", "script": "Rain is water that falls."}
        job = client.submit(template="talking_portrait", params=look)
        assert client.wait(job.id).state == "succeeded"
        return job.id


def test_an_admin_installs_a_model_and_sees_how_far_it_is(running, key, browser):
    with tab(browser) as page, Client(running.service, key) as client:
        sign_in(page, running, key)
        page.goto(f"{running.url}/system?section=models")
        expect(page.get_by_text("Apache-2.0").first).to_be_visible()
        page.get_by_role("button", name="Pull").click()
        expect(page.get_by_role("button", name="Pull")).to_have_count(0)
        until(page, lambda: next(client.jobs(names=("fetch_model",))).ended)
        expect(page.get_by_text("All 9 models are installed.")).to_be_visible()
        assert next(client.jobs(names=("fetch_model",))).title == MISSING


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_has_a_serious_fault_for_people_who_see_or_move_otherwise(running, key, film, browser, width, scheme):
    with tab(browser, width=width, scheme=scheme) as page:
        page.goto(running.url)
        expect(page.get_by_label("API key", exact=True)).to_be_visible()
        found = faults(page, "login")
        enter(page, key)
        for name, address in PAGES.items():
            page.goto(running.url + address.format(job=film))
            expect(page.get_by_role("heading").first).to_be_visible()
            found += faults(page, name)
    assert not found, "\n".join(found)


def sign_in(page: Page, running: Studio, key: str) -> None:
    page.goto(running.url)
    enter(page, key)


def enter(page: Page, key: str) -> None:
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", name="Create a video")).to_be_visible()


def faults(page: Page, name: str) -> list[str]:
    """What axe-core finds that is serious, and whether the page is wider than its window."""
    settled(page)
    found = []
    for fault in Axe().run(page).response["violations"]:
        if fault["impact"] in SERIOUS:
            found += [f"{name}: {fault['id']}: {node['html'][:150]} {node['any'][:1]}" for node in fault["nodes"]]
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"{name}: {over} pixels are beyond the window"] if over > 0 else [])
