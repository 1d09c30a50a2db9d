"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from spinbot.client import Client
from spinbot.engines.base import no_progress
from spinbot.engines.speaker.ge2e import Ge2eEncoder
from spinbot.engines.tts.kokoro import KokoroEngine
from spinbot.store import database
from tests.api import Api, serving
from tests.browser import chromium, tab
from tests.clients import Connect, Driven
from tests.cutting import CuttingProxy
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def models() -> Callable[[str], Path]:
    """The installed starter models by catalogue name (`make models` installs them)."""
    root = Path(os.environ.get("SPINBOT_HOME", "~/.spinbot")).expanduser() / "models"

    def folder(name: str) -> Path:
        path = root / name
        assert path.is_dir(), f"model {name} is not installed; run `make models`"
        return path

    return folder


@pytest.fixture(scope="module")
def kokoro(models: Callable[[str], Path]) -> KokoroEngine:
    """The speech engine, loaded."""
    engine = KokoroEngine(models, threads=2)
    engine.load(no_progress)
    return engine


@pytest.fixture(scope="module")
def encoder(models: Callable[[str], Path]) -> Ge2eEncoder:
    """The speaker encoder, loaded."""
    engine = Ge2eEncoder(models, threads=2)
    engine.load(no_progress)
    return engine


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server; for all tests, so none of them may stop it."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A connected database of each kind."""
    engine = database.connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def home(tmp_path: Path, models: Callable[[str], Path]) -> Path:
    """A home of its own with the installed models."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(models("kokoro-82m-int8").parent)
    return home


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path / "home") as api:
        yield api


@pytest.fixture(params=[Client, Driven], ids=["blocking", "async"])
def connect(request: pytest.FixtureRequest, served: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Makes clients of both kinds; of the service, unless it is given another address."""
    monkeypatch.delenv("SPINBOT_API_KEY", raising=False)
    clients = []

    def connect(url: str = served.url, **options: Any) -> Any:
        clients.append(request.param(url, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def lossy(served: Api) -> Iterator[Callable[..., CuttingProxy]]:
    """Makes networks to the service; the n-th connection is cut behind the n-th number of bytes of answers."""
    proxies = []

    def lossy(*cuts: int) -> CuttingProxy:
        proxies.append(CuttingProxy(served.address, cuts))
        return proxies[-1]

    yield lossy
    for proxy in proxies:
        proxy.stop()


@pytest.fixture(scope="module")
def studio_home(tmp_path_factory: pytest.TempPathFactory, models: Callable[[str], Path]) -> Path:
    """`home`, for all tests of a module."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(models("kokoro-82m-int8").parent)
    return home


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module: its driver's event loop would be in the way of other modules' tests."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of it, of somebody who was never here."""
    with tab(browser) as opened:
        yield opened
