"""The studio in a real browser: `spinbot up` with its pages on a home of its own, and Debian's Chromium."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.up import up

CHROMIUM = "/usr/bin/chromium"
FIRST_MS = 60_000
"""A page of a server that has just begun imports Streamlit's parts first."""
JOB_MS = 240_000
expect.set_options(timeout=30_000)  # two cores run the models, the pages and the browser


@dataclass(frozen=True)
class Studio:
    """A running service with its pages."""

    url: str
    """Of the pages."""
    service: str
    home: Path


def free_port() -> int:
    """A port that nobody listens on, and none of those that the system gives out itself: Ray takes many of them."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@contextmanager
def studio(home: Path, **environment: str) -> Iterator[Studio]:
    """`spinbot up` until the block ends; inside, service and pages answer."""
    port, ui_port = free_port(), free_port()
    with up("--port", str(port), "--ui-port", str(ui_port), SPINBOT_HOME=str(home), **environment):
        yield Studio(f"http://127.0.0.1:{ui_port}", f"http://127.0.0.1:{port}", home)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        # Sound must play without a click, and root has no sandbox.
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, *, width: int = 1280, scheme: str = "light", locale: str = "en-US") -> Iterator[Page]:
    """A window of somebody who was never here. Scripts that fail in it fail the test."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=locale,
    )
    page = context.new_page()
    page.set_default_timeout(FIRST_MS)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert not failures, failures


def settled(page: Page) -> None:
    """Wait until the page's script has run through."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=FIRST_MS)


def playing(page: Page, name: str) -> None:
    """Play the video of that name, and see that it does: its time moves on."""
    video = page.locator(f'video[aria-label="{name}"]')
    video.evaluate("video => { video.muted = true; return video.play(); }")
    handle = video.element_handle()
    page.wait_for_function("video => video.currentTime > 0.5 && video.duration > 1", arg=handle)


def drop(page: Page, zone: Locator, *files: Path) -> None:
    """Let files fall on that place, as from a folder's window: the browser itself finds what is under the mouse."""
    zone.scroll_into_view_if_needed()
    box = zone.bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    dragged = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    mouse = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": kind, "data": dragged, **place})
    mouse.detach()


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait, while the page lives on, until something is true of the service."""
    end = time.monotonic() + JOB_MS / 1000
    while not true():
        assert time.monotonic() < end
        page.wait_for_timeout(100)
