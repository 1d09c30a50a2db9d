"""How fast the studio shows what happens, and what it costs while nothing does.

    python benchmarks/studio.py [--clicks 5] [--sessions 20] [--idle 60]

Starts `spinbot up` on a home of its own and looks through a real browser: from a click to the first visible progress
and to the job's own (bar: 1 s), from an event of the API to the page that shows it (bar: 1 s), and the CPU of the
pages' process while `--sessions` visitors watch jobs and nothing changes (bar: 15 % of a core). The service's own event
stream, read in the same run, is what the page is compared with.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from spinbot.client import Client
from spinbot.config import Settings
from tests.browser import JOB_MS, Studio, chromium, settled, studio, tab

BAR_S = 1.0
LOOKS_MS = 1000
"""A person looks at a page before the click; a click while it is still being drawn waits for that, too."""
PROGRESS = """
() => {
  window.progress = new Promise((tell) => addEventListener("click", () => {
    const began = performance.now();
    let first;
    const look = () => {
      const roots = [...document.querySelectorAll("[data-testid^=stBidi]")].map((part) => part.shadowRoot);
      const bars = roots.flatMap((root) => [...(root?.querySelectorAll("[role=progressbar]") ?? [])]);
      const seen = bars.filter((bar) => bar.getBoundingClientRect().height);
      const passed = (performance.now() - began) / 1000;
      if (seen.length) first ??= passed;
      if (seen.some((bar) => bar.ariaLabel === "Progress of the job")) tell([first, passed]);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, { capture: true, once: true }));
}
"""
"""Seconds from a click to the frames that show a progress bar, and the job's: a driver looks twice a second only."""
WATCH = """
(bar) => {
  window.seen = [];
  const look = () => window.seen.push([Date.now() / 1000, Number(bar.dataset.event)]);
  look();
  new MutationObserver(look).observe(bar, { attributes: true, attributeFilter: ["data-event"] });
}
"""


def main() -> None:
    """Measure all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        home = Path(folder) / "home"
        home.mkdir()
        (home / "models").symlink_to(Settings().models_dir)
        with studio(home) as running, Client(running.service) as client:
            cold = clicks(browser, running, client, 1)
            lags(browser, running, client)
            warm = clicks(browser, running, client, options.clicks)
            for number, what in enumerate(("progress", "the job's own progress")):
                took = [one[number] for one in warm]
                print(f"click to {what}: median {statistics.median(took):.2f} s, worst {max(took):.2f} s")
                print(f"  of {len(took)}, {sum(one > BAR_S for one in took)} above the bar of 1 s")
                print(f"  the first after the start, which loads models: {cold[0][number]:.2f} s")
            idle(browser, running, client, options.sessions, options.idle)


def clicks(browser: Browser, running: Studio, client: Client, count: int) -> list[tuple[float, float]]:
    """Seconds from the click on the button to a progress bar, and to that of the job."""
    took = []
    with tab(browser) as page:
        for number in range(count):
            page.goto(f"{running.url}/?topic=number+{number}+of+{count}")
            button = page.get_by_role("button", name="Make the video")
            button.wait_for()
            settled(page)
            page.wait_for_timeout(LOOKS_MS)
            page.evaluate(PROGRESS)
            button.click()
            took.append(page.evaluate("window.progress"))
            job = next(client.jobs(limit=1))
            client.cancel(job.id)
            client.wait(job.id)
    return took


def lags(browser: Browser, running: Studio, client: Client) -> None:
    """From an event's arrival at another client to the page that shows it, or a later one."""
    with tab(browser) as page:
        job = client.submit(template="talking_portrait", params={"topic": "how bees make honey", "look": "a woman"})
        page.goto(f"{running.url}/jobs?job={job.id}")
        page.get_by_role("progressbar", name="Progress of the job").evaluate(WATCH)
        told: dict[int, float] = {}
        follower = threading.Thread(target=_follow, args=(running.service, job.id, told))
        follower.start()
        page.get_by_role("button", name="Review this video").wait_for(timeout=JOB_MS)
        follower.join()
        seen: list[tuple[float, int]] = page.evaluate("window.seen")
    began = seen[0][1]
    found = [max(0.0, _shown(seen, event) - when) for event, when in told.items() if event > began]
    print(
        f"page behind the API's events: median {statistics.median(found) * 1000:.0f} ms, "
        f"worst {max(found) * 1000:.0f} ms of {len(found)} events   (bar 1000 ms)"
    )


def _follow(url: str, job: str, told: dict[int, float]) -> None:
    with Client(url) as client:
        for event in client.events(job):
            told[event.seq] = time.time()


def _shown(seen: list[tuple[float, int]], event: int) -> float:
    return next(when for when, last in seen if last >= event)


def idle(browser: Browser, running: Studio, client: Client, sessions: int, seconds: float) -> None:
    """CPU of the pages' process while visitors watch and nothing changes."""
    job = next(client.jobs(limit=1))
    pages: list[Page] = []
    for number in range(sessions):
        page = browser.new_context().new_page()
        page.goto(f"{running.url}/jobs" + (f"?job={job.id}" if number % 2 else ""))
        settled(page)
        pages.append(page)
    time.sleep(5)  # the last page's first drawing is no part of idling
    process = next(one for one in psutil.process_iter(["cmdline"]) if _is_ui(one, running.url))
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    spent, passed = sum(process.cpu_times()[:2]) - before, time.monotonic() - began
    print(f"{sessions} visitors watch and nothing changes: {spent / passed:.1%} of a core   (bar 15 %)")
    for page in pages:
        page.context.close()


def _is_ui(process: psutil.Process, url: str) -> bool:
    line = process.info["cmdline"] or []
    return "app_streamlit" in line and url.rsplit(":", 1)[1] in line


if __name__ == "__main__":
    main()
