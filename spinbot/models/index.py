"""Where a wheel lies: asked of the package index that the user's pip is set up for.

pip itself tells its settings, so configuration files, `PIP_*` variables, mirrors, proxies and certificates count
as they do for `pip install`. It is not used to download: `pip install --dry-run --report` fetches whole wheels
(pip 23.2 always, pip 26 wherever the index serves no metadata files), 36 MB for the 1.4 MB that face detection
needs. The index speaks the simple repository API, as JSON or HTML:
https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from pydantic import BaseModel, ValidationError

from spinbot.models.network import Client, SourceError, chunks
from spinbot.models.origin import Local, Origin, Remote

# pip has no command that prints its merged settings with their defaults; its option parser, unchanged in this from
# pip 20 to 26, knows them. In a process of its own, so that nothing of pip is loaded here.
_ASK_PIP = """
import json, sys
from pip._internal.commands import create_command
options, _ = create_command("download").parse_args([])
json.dump({name: getattr(options, name) for name in sys.argv[1:]}, sys.stdout)
"""
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = {"Accept": f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"}


class PipSettings(BaseModel):
    """What of pip's settings matters for finding and fetching a wheel."""

    index_url: str
    extra_index_urls: list[str]
    no_index: bool
    find_links: list[str]
    proxy: str | None
    cert: str | None
    client_cert: str | None

    @property
    def indexes(self) -> list[str]:
        """Simple API roots to ask, in order. `file:` indexes are not read; `find_links` folders are."""
        urls = [] if self.no_index else [self.index_url, *self.extra_index_urls]
        return [url.rstrip("/") + "/" for url in urls if url.startswith(("http://", "https://"))]


class PackageIndex:
    """Finds wheels. pip is asked once, at the first wheel; each wheel once. May be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settings: PipSettings | None = None
        self._client: Client | None = None
        self._found: dict[tuple[str, str], Origin] = {}

    def close(self) -> None:
        """Drop all connections."""
        if self._client:
            self._client.close()

    def wheel(self, name: str, version: str) -> Origin:
        """The bytes of the wheel of exactly this version. Raises `SourceError`."""
        with self._lock:
            if (name, version) not in self._found:
                self._found[name, version] = self._find(name, version)
            return self._found[name, version]

    def _find(self, name: str, version: str) -> Origin:
        if self._settings is None:
            self._settings = read_pip_settings()
        settings = self._settings
        for folder in map(Path, settings.find_links):
            if file := _choose([path.name for path in folder.glob("*.whl")], name, version):
                return Local(folder / file)
        self._client = client = self._client or Client(
            proxy=settings.proxy or "", cert=settings.cert or "", client_cert=settings.client_cert or ""
        )
        for index in settings.indexes:
            links = _links(client, urljoin(index, f"{_normal(name)}/"))
            if file := _choose(list(links), name, version):
                return Remote(client, links[file])
        raise SourceError(f"pip's index has no wheel of {name} {version}")


def read_pip_settings() -> PipSettings:
    """Ask the pip of this Python. Raises `SourceError` where there is none."""
    command = [sys.executable, "-c", _ASK_PIP, *PipSettings.model_fields]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise SourceError(f"pip does not tell its settings ({problem}); `python -m ensurepip` installs it")
    return PipSettings.model_validate_json(done.stdout)


def _links(client: Client, page: str) -> dict[str, str]:
    """URLs of a project's files by file name; none where the index does not know the project."""
    try:
        with client.get(page, headers=_ACCEPT) as response:
            body = b"".join(chunks(response)).decode(errors="replace")
            base = response.url
            is_json = response.headers.get("Content-Type", "").startswith(_JSON)
    except SourceError as error:
        if error.status == 404:
            return {}
        raise
    if is_json:
        try:
            urls = [file.url for file in _Page.model_validate_json(body).files]
        except ValidationError as error:
            raise SourceError(f"{urlsplit(page).hostname} does not answer as a package index") from error
    else:
        parser = _Anchors()
        parser.feed(body)
        urls = parser.urls
    whole = [_with_login(urldefrag(urljoin(base, url)).url, page) for url in urls]
    return {unquote(urlsplit(url).path.rpartition("/")[2]): url for url in whole}


class _File(BaseModel):
    url: str


class _Page(BaseModel):
    files: list[_File]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.urls += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _with_login(url: str, page: str) -> str:
    """A user and password in the index's URL are good for files on the same host too, as for pip."""
    login, at, host = urlsplit(page).netloc.rpartition("@")
    return url.replace(f"//{host}/", f"//{login}@{host}/", 1) if at else url


def _choose(files: list[str], name: str, version: str) -> str:
    """The wheel of this version, or "".

    Where there are several, the same one on every machine, so that the catalogue's hashes hold: the one for any
    platform, else for CPython 3.11 on x86-64 Linux, which need not be this machine: nothing of it is run.
    """
    start = f"{_normal(name)}-{version}-"
    wheels = [file for file in files if file.endswith(".whl") and _file_start(file) == start]
    ranks = {
        file: (not file.endswith("-none-any.whl"), not ("cp311" in file and "manylinux" in file and "x86_64" in file))
        for file in wheels
    }
    return min(wheels, key=lambda file: (ranks[file], file), default="")


def _file_start(file: str) -> str:
    name, _, rest = file.partition("-")
    return f"{_normal(name)}-{rest.partition('-')[0]}-"


def _normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
