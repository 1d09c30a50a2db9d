"""Fetching files: sources in order, byte ranges, wheels, broken and dead servers. All against a real server."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import zipfile

import pytest

from spinbot.errors import ModelError
from spinbot.models.catalogue import Catalogue
from spinbot.models.network import CHUNK
from spinbot.models.store import ModelStore
from tests.fetch_server import FileServer, make_wheel, noise

DATA = noise(600_000)
REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB = f"hf:org/repo@{REVISION}/model.bin"
HUB_PATH = f"/org/repo/resolve/{REVISION}/model.bin"


@pytest.fixture
def server(monkeypatch):
    """A hub and a package index at once; the settings of this machine's pip do not count."""
    server = FileServer()
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.close()


def entry(*sources, data=DATA, path="model.bin"):
    return {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "sources": list(sources)}


def make_store(root, *files):
    model = {"name": "m", "slot": "tts", "title": "t", "licence": "MIT", "commercial": True, "memory_mb": 1}
    return ModelStore(root, Catalogue.model_validate({"models": [{**model, "files": list(files)}]}))


def test_a_hub_file_is_installed_and_reported_to_its_last_byte(server, tmp_path):
    server.add(HUB_PATH, DATA)
    seen = []
    store = make_store(tmp_path, entry(HUB))
    store.pull(["m"], lambda *progress: seen.append(progress))
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert seen[-1] == ("m", "model.bin", len(DATA), len(DATA))
    assert [done for *_, done, _ in seen] == sorted(done for *_, done, _ in seen)


def test_a_second_pull_opens_no_connection(server, tmp_path):
    server.add(HUB_PATH, DATA)
    make_store(tmp_path, entry(HUB)).pull(["m"])
    before = len(server.requests)
    make_store(tmp_path, entry(HUB)).pull(["m"])
    assert len(server.requests) == before == 1


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_of_a_wheel_only_the_directory_and_the_wanted_files_are_moved(server, tmp_path, kind):
    text = b"all work and no play " * 20_000
    server.add_wheel(
        "big-wheel",
        "1.0",
        {"pkg/a": noise(3_000_000, 1), "pkg/b": DATA, "pkg/c": text, "pkg/d": noise(3_000_000, 2)},
        kind=kind,
    )
    store = make_store(
        tmp_path,
        entry("pypi:big-wheel==1.0/pkg/b"),
        entry("pypi:big-wheel==1.0/pkg/c", data=text, path="text/c.txt"),
    )
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert (store.path("m") / "text/c.txt").read_bytes() == text
    assert len(server.asked("/files/big_wheel-1.0-py3-none-any.whl")) == 3
    assert server.sent("/files") < 131_072 + len(DATA) + len(text) + 10_000


def test_a_directory_longer_than_its_first_look_is_read(server, tmp_path):
    many = {f"pkg/{'long' * 20}/{number}": b"" for number in range(2_000)}
    wheel = server.add_wheel("many-files", "1.0", {"pkg/a": noise(2_000_000, 1), "pkg/b": DATA, **many})
    store = make_store(tmp_path, entry("pypi:many-files==1.0/pkg/b"))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert len(wheel.data) > 2_600_000


def test_a_file_in_parts_is_joined_in_order(server, tmp_path):
    third = len(DATA) // 3
    for number, part in enumerate([DATA[:third], DATA[third : 2 * third], DATA[2 * third :]]):
        server.add_wheel(f"part-{number}", "0.1.0", {"part.bin": part})
    store = make_store(tmp_path, entry([f"pypi:part-{number}==0.1.0/part.bin" for number in range(3)]))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA


def test_a_server_without_ranges_gives_the_whole_wheel_once(server, tmp_path):
    wheel = server.add_wheel("plain", "1.0", {"a": noise(400_000, 1), "b": DATA, "c": DATA[::-1]}, ranges=False)
    store = make_store(tmp_path, entry("pypi:plain==1.0/b"), entry("pypi:plain==1.0/c", data=DATA[::-1], path="c"))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert (store.path("m") / "c").read_bytes() == DATA[::-1]
    whole = [
        request for request in server.asked("/files/plain-1.0-py3-none-any.whl") if request.sent == len(wheel.data)
    ]
    assert len(whole) <= 2  # the look for the directory may or may not get as far before it is broken off
    assert not (tmp_path / "m/.parts").exists()


def test_a_wheel_in_a_find_links_folder_needs_no_index(server, tmp_path, monkeypatch):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/air_gap-2.0-py3-none-any.whl").write_bytes(make_wheel({"a/b": DATA}))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    store = make_store(tmp_path, entry("pypi:Air.Gap==2.0/a/b"))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert server.requests == []


def test_the_same_wheel_is_taken_on_every_machine(server, tmp_path):
    names = [
        f"native-1.0-{tags}.whl"
        for tags in ("cp310-cp310-win_amd64", "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-macosx_11_0_arm64")
    ]
    files = [{"filename": name, "url": f"/files/{name}", "hashes": {}} for name in names]
    server.add("/simple/native/", "".join(f'<a href="{file["url"]}">{file["filename"]}</a>' for file in files).encode())
    server.add("/files/" + names[1], make_wheel({"a": DATA}))
    make_store(tmp_path, entry("pypi:native==1.0/a")).pull(["m"])
    assert {request.path for request in server.requests} == {"/simple/native/", f"/files/{names[1]}"}


def test_a_login_in_the_index_url_serves_the_files_too(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", server.url.replace("//", "//ann:secret@") + "/simple")
    server.add_wheel("private", "1.0", {"a": DATA})
    make_store(tmp_path, entry("pypi:private==1.0/a")).pull(["m"])
    assert all(request.authorization.startswith("Basic ") for request in server.requests)


def test_a_transfer_that_breaks_goes_on_where_it_stopped(server, tmp_path):
    server.add(HUB_PATH, DATA, die_after=[300_000, 100_000])
    store = make_store(tmp_path, entry(HUB))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert len(server.asked(HUB_PATH)) == 3
    assert server.sent() <= len(DATA) + 2 * CHUNK


def test_a_wheel_that_breaks_goes_on_where_it_stopped(server, tmp_path):
    server.add_wheel("shaky", "1.0", {"x": noise(500_000, 1), "a": DATA}, die_after=[131_072, 200_000])
    store = make_store(tmp_path, entry("pypi:shaky==1.0/a"))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert server.sent("/files") < 131_072 + len(DATA) + CHUNK + 1_000


def test_wrong_bytes_lead_to_the_next_source_and_leave_nothing_behind(server, tmp_path):
    server.add(HUB_PATH, DATA[::-1])
    server.add_wheel("good", "1.0", {"a": DATA})
    store = make_store(tmp_path, entry(HUB, "pypi:good==1.0/a"))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [".lock", ".verified.json", "model.bin"]


def test_bytes_of_an_earlier_attempt_that_went_bad_are_fetched_again(server, tmp_path):
    server.add(HUB_PATH, DATA, die_after=[300_000, 0, 0, 0])
    store = make_store(tmp_path, entry(HUB))
    with pytest.raises(ModelError):
        store.pull(["m"])
    [part] = (tmp_path / "m/.parts").glob("*.part")
    assert part.stat().st_size > 200_000
    part.write_bytes(bytes(part.stat().st_size))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA


def test_where_no_source_works_one_error_says_why_for_each(server, tmp_path):
    server.add("/simple/lost/", b"<a href='lost-2.0-py3-none-any.whl'>lost-2.0-py3-none-any.whl</a>")
    server.add_wheel("found", "1.0", {"b": DATA})
    server.add_wheel("bad", "1.0", {"a": b"?" + DATA[1:]})
    sources = [HUB, "pypi:lost==1.0/a", "pypi:found==1.0/a", "pypi:bad==1.0/a", f"file:{tmp_path}/none"]
    with pytest.raises(ModelError) as caught:
        make_store(tmp_path, entry(*sources)).pull(["m"])
    error = caught.value
    assert [detail["source"] for detail in error.details] == sources
    reasons = [detail["reason"] for detail in error.details]
    assert "HTTP 404" in reasons[0]
    assert "no wheel of lost 1.0" in reasons[1]
    assert "no such file" in reasons[2]
    assert "not those of the catalogue" in reasons[3]
    assert "No such file" in reasons[4]
    assert all(reason in error.message for reason in reasons)
    assert "spinbot models pull m" in error.hint
    assert error.code == "download_failed"


def test_a_wheel_that_unpacks_to_too_much_is_not_written_out(server, tmp_path):
    server.add_wheel("bomb", "1.0", {"a": bytes(50_000_000)})
    with pytest.raises(ModelError, match="unpacks to more than the 600000 bytes"):
        make_store(tmp_path, entry("pypi:bomb==1.0/a")).pull(["m"])
    assert list((tmp_path / "m/.parts").iterdir()) == []


def test_a_file_source_is_copied(tmp_path):
    (tmp_path / "here").write_bytes(DATA)
    store = make_store(tmp_path, entry(f"file:{tmp_path}/here"))
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == (tmp_path / "here").read_bytes() == DATA


def test_a_host_that_refused_is_not_asked_again_by_this_process(server, tmp_path, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(ModelError, match="cannot be reached"):
            make_store(tmp_path, entry(HUB)).pull(["m"])
        closed.listen()
        closed.setblocking(False)
        server.add_wheel("good", "1.0", {"a": DATA})
        store = make_store(tmp_path, entry(HUB, "pypi:good==1.0/a"))
        store.pull(["m"])
        assert store.installed("m")
        with pytest.raises(BlockingIOError):  # nobody came
            closed.accept()


def test_a_host_that_swallows_everything_is_given_up(server, tmp_path, monkeypatch):
    """A listener whose queue is full drops what arrives, as a firewall does."""
    server.add_wheel("good", "1.0", {"a": DATA, "b": DATA[::-1]})
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{full.getsockname()[1]}")
        with pytest.raises(ModelError, match="cannot be reached"):
            make_store(tmp_path, entry(HUB)).pull(["m"])
        store = make_store(
            tmp_path, entry(HUB, "pypi:good==1.0/a"), entry(HUB, "pypi:good==1.0/b", data=DATA[::-1], path="b")
        )
        store.pull(["m"])
        assert store.installed("m")


def test_the_hub_token_goes_to_the_hub_and_not_where_it_sends_us(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.add(HUB_PATH, b"", redirect=f"http://localhost:{server.port}/cdn")
    server.add("/cdn", DATA)
    make_store(tmp_path, entry(HUB)).pull(["m"])
    assert [(request.path, request.authorization) for request in server.requests] == [
        (HUB_PATH, "Bearer hf_secret"),
        ("/cdn", ""),
    ]


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.add(HUB_PATH, DATA, busy=1)
    store = make_store(tmp_path, entry(HUB))
    store.pull(["m"])
    assert store.installed("m")


def test_a_page_in_place_of_the_file_does_not_cost_what_came_before(server, tmp_path):
    """As the login page of a hotel's network, which answers everything with 200."""
    served = server.add(HUB_PATH, DATA, die_after=[400_000, 0, 0, 0])
    store = make_store(tmp_path, entry(HUB))
    with pytest.raises(ModelError, match="broke the connection"):
        store.pull(["m"])
    server.add(HUB_PATH, b"<html>", ranges=False)
    with pytest.raises(ModelError, match="sends 6 bytes, 600000 are expected"):
        store.pull(["m"])
    server.files[HUB_PATH] = served
    server.requests.clear()
    store.pull(["m"])
    assert server.sent() < 300_000


def test_a_json_index_is_read_as_well(server, tmp_path, monkeypatch):
    page = {"files": [{"filename": "good-1.0-py3-none-any.whl", "url": "../../w/good-1.0-py3-none-any.whl"}]}
    server.add("/simple/good/", json.dumps(page).encode(), type="application/vnd.pypi.simple.v1+json")
    server.add("/w/good-1.0-py3-none-any.whl", make_wheel({"a": DATA}))
    store = make_store(tmp_path, entry("pypi:good==1.0/a"))
    store.pull(["m"])
    assert store.installed("m")


def test_an_index_that_answers_nonsense_is_named(server, tmp_path):
    server.add("/simple/good/", b"{}", type="application/vnd.pypi.simple.v1+json")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 does not answer as a package index"):
        make_store(tmp_path, entry("pypi:good==1.0/a")).pull(["m"])
