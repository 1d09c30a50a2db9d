"""Screenshots of every page of the studio, for the README and docs/studio.md: `make shots`.

Takes them of a studio at `--url`, which should have a few videos, a profile with trainings, and a job that failed.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from spinbot.client import Client
from tests.browser import chromium, settled, tab

FOLDER = Path(__file__).parent / "img"
WIDTHS = {"desktop": 1280, "phone": 390}
QUALITY = 82
DRAWN_MS = 2500
"""Pictures and curves come in after the page's script has run."""


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8501", help="the studio's pages")
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="the service behind them")
    options = parser.parse_args()
    with Client(options.service) as client:
        places = addresses(client)
    with chromium() as browser:
        for size, width in WIDTHS.items():
            for theme in ("light", "dark"):
                for name, address in places.items():
                    take(browser, options.url + address, width, theme, FOLDER / f"studio-{name}-{size}-{theme}.jpg")


def addresses(client: Client) -> dict[str, str]:
    """The pages by name, with something to see on each."""
    film = next(client.jobs(names=("talking_portrait",), states=("succeeded",)))
    failed = next(client.jobs(states=("failed",)))
    training = next(client.jobs(names=("train_look",), states=("succeeded",)))
    profile = client.profiles()[0]
    return {
        "create": "/?topic=how+bees+make+honey",
        "train": f"/train?job={training.id}",
        "jobs": "/jobs",
        "job": f"/jobs?job={film.id}",
        "failed": f"/jobs?job={failed.id}",
        "gallery": "/gallery",
        "review": f"/review?job={film.id}",
        "profiles": f"/profiles?profile={profile.name}",
        "system": "/system",
    }


def take(browser: Browser, address: str, width: int, theme: str, file: Path) -> None:
    """One page as a JPEG."""
    with tab(browser, width=width, scheme=theme) as page:
        page.goto(address)
        page.get_by_role("heading").first.wait_for()
        settled(page)
        page.wait_for_timeout(DRAWN_MS)
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            shot.convert("RGB").save(file, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
