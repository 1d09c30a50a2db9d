"""The store of installed models: damage, disk space, locks, and pulls that are killed. Nothing is faked."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from spinbot.errors import ModelError, NotFoundError, StorageError
from spinbot.models.catalogue import Catalogue
from spinbot.models.store import ModelStore
from tests.fetch_server import FileServer, noise

DATA = noise(3_000_000)
SMALL = b"settings"
REVISION = "0123456789abcdef0123456789abcdef01234567"
PATH = f"/org/repo/resolve/{REVISION}/"

PULL = """
import json, resource, sys
from pathlib import Path
from spinbot.models.catalogue import Catalogue
from spinbot.models.store import ModelStore
from spinbot.errors import SpinbotError

root, catalogue, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
store = ModelStore(Path(root), Catalogue.model_validate_json(catalogue))
try:
    store.pull(["m"], lambda *progress: print(progress[2], flush=True))
except SpinbotError as error:
    print(json.dumps(error.to_dict()), flush=True)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def server():
    server = FileServer()
    server.add(PATH + "model.bin", DATA)
    server.add(PATH + "config.json", SMALL)
    yield server
    server.close()


@pytest.fixture
def catalogue(server, monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return make_catalogue()


def make_catalogue(**changes):
    files = [
        {
            "path": path,
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "sources": [f"hf:org/repo@{REVISION}/{path}"],
            **changes,
        }
        for path, data in (("model.bin", DATA), ("config.json", SMALL))
    ]
    model = {"slot": "tts", "title": "t", "licence": "MIT", "commercial": True, "memory_mb": 1, "files": files}
    return Catalogue.model_validate({"models": [{"name": "m", **model}]})


def start_pull(root, catalogue, limit=0):
    command = [sys.executable, "-c", PULL, str(root), catalogue.model_dump_json(), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_model_that_was_never_pulled_is_missing_and_the_error_says_what_to_run(tmp_path, catalogue):
    store = ModelStore(tmp_path / "models", catalogue)
    with pytest.raises(ModelError, match="model m is not installed") as caught:
        store.path("m")
    assert caught.value.code == "model_missing"
    assert caught.value.hint == "run: spinbot models pull m"
    assert not store.installed("m")
    assert not (tmp_path / "models").exists()


def test_an_unknown_name_is_not_found_by_any_method(tmp_path, catalogue):
    store = ModelStore(tmp_path, catalogue)
    for ask in (store.path, store.verify, store.installed, store.digest, lambda name: store.pull([name])):
        with pytest.raises(NotFoundError, match="no model 'x'"):
            ask("x")


def test_a_byte_that_changed_is_found_and_a_pull_mends_that_file_alone(tmp_path, catalogue, server):
    store = ModelStore(tmp_path, catalogue)
    store.pull(["m"])
    (tmp_path / "m/model.bin").write_bytes(b"?" + DATA[1:])
    with pytest.raises(ModelError, match=r"model m is damaged: model\.bin$") as caught:
        store.path("m")
    assert caught.value.code == "model_damaged"
    assert caught.value.hint == "run: spinbot models pull m"
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert len(server.asked(PATH + "model.bin")) == 2
    assert len(server.asked(PATH + "config.json")) == 1


def test_a_file_cut_short_is_damaged_and_one_removed_is_missing(tmp_path, catalogue):
    store = ModelStore(tmp_path, catalogue)
    store.pull(["m"])
    (tmp_path / "m/model.bin").write_bytes(DATA[:-1])
    with pytest.raises(ModelError, match="is damaged"):
        store.path("m")
    (tmp_path / "m/model.bin").unlink()
    with pytest.raises(ModelError, match="is not installed"):
        store.path("m")


def test_rot_that_the_clock_does_not_show_is_found_by_verify(tmp_path, catalogue):
    store = ModelStore(tmp_path, catalogue)
    store.pull(["m"])
    file = tmp_path / "m/model.bin"
    before = file.stat()
    file.write_bytes(DATA[:-1] + b"?")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ModelError, match=r"damaged: model\.bin"):
        store.verify("m")
    with pytest.raises(ModelError, match="damaged"):  # and is not forgotten
        store.path("m")


def test_files_put_there_by_hand_count_once_they_are_right(tmp_path, catalogue, server):
    (tmp_path / "m").mkdir()
    (tmp_path / "m/model.bin").write_bytes(DATA)
    (tmp_path / "m/config.json").write_bytes(SMALL)
    store = ModelStore(tmp_path, catalogue)
    store.pull(["m"])
    assert store.path("m") == tmp_path / "m"
    assert server.requests == []


def test_a_record_that_cannot_be_read_is_written_anew(tmp_path, catalogue):
    store = ModelStore(tmp_path, catalogue)
    store.pull(["m"])
    (tmp_path / "m/.verified.json").write_text("{")
    assert store.path("m") == tmp_path / "m"
    assert json.loads((tmp_path / "m/.verified.json").read_text()).keys() == {"model.bin", "config.json"}


def test_a_model_larger_than_the_disk_is_refused_before_the_first_byte(tmp_path, catalogue, server):
    store = ModelStore(tmp_path / "models", make_catalogue(bytes=10**17))
    with pytest.raises(StorageError, match=r"400000000000 MB needed, \d+ MB free") as caught:
        store.pull(["m"])
    assert "SPINBOT_HOME" in caught.value.hint
    assert server.requests == []
    assert not (tmp_path / "models").exists()


def test_a_write_that_the_system_refuses_half_way_is_a_storage_error_and_can_be_resumed(tmp_path, catalogue, server):
    with start_pull(tmp_path, catalogue, limit=1_000_000) as pull:
        *_, answer = pull.communicate()[0].splitlines()
    assert pull.returncode == StorageError.exit_code
    assert json.loads(answer)["error"] == "StorageError"
    assert "SPINBOT_HOME" in json.loads(answer)["hint"]
    server.requests.clear()
    ModelStore(tmp_path, catalogue).pull(["m"])
    assert server.sent(PATH + "model.bin") <= len(DATA) - 1_000_000


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path, catalogue):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        ModelStore(tmp_path / "file", catalogue).pull(["m"])


def test_a_pull_killed_half_way_leaves_no_file_and_is_gone_on_with(tmp_path, catalogue, server):
    served = server.files[PATH + "model.bin"]
    served.stall_after = 2_000_000
    with start_pull(tmp_path, catalogue) as pull:
        while int(pull.stdout.readline()) < 1_500_000:
            pass
        pull.send_signal(signal.SIGKILL)
        pull.wait()
    assert [path.name for path in (tmp_path / "m").iterdir() if not path.name.startswith(".")] == []
    [part] = (tmp_path / "m/.parts").iterdir()
    have = part.stat().st_size
    assert have >= 1_500_000
    served.stall_after = -1
    server.requests.clear()
    store = ModelStore(tmp_path, catalogue)
    store.pull(["m"])
    assert (store.path("m") / "model.bin").read_bytes() == DATA
    assert server.sent(PATH + "model.bin") == len(DATA) - have
    assert not (tmp_path / "m/.parts").exists()


def test_ctrl_c_stops_a_pull_and_keeps_what_came(tmp_path, catalogue, server):
    served = server.files[PATH + "model.bin"]
    served.stall_after = 2_000_000
    with start_pull(tmp_path, catalogue) as pull:
        while int(pull.stdout.readline()) < 1_500_000:
            pass
        pull.send_signal(signal.SIGINT)
        served.release.set()
        pull.communicate()
    assert pull.returncode not in (0, None)
    assert not (tmp_path / "m/model.bin").exists()
    assert sum(part.stat().st_size for part in (tmp_path / "m/.parts").iterdir()) >= 1_500_000


def test_two_processes_that_pull_the_same_model_fetch_it_once(tmp_path, catalogue, server):
    with start_pull(tmp_path, catalogue) as first, start_pull(tmp_path, catalogue) as second:
        first.communicate()
        second.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert server.sent() == len(DATA) + len(SMALL)
    assert ModelStore(tmp_path, catalogue).installed("m")


def test_of_several_models_one_without_a_source_does_not_keep_the_others_back(tmp_path, catalogue):
    lost = catalogue["m"].model_copy(
        update={"name": "lost", "files": [catalogue["m"].files[0].model_copy(update={"sources": ["file:/none"]})]}
    )
    store = ModelStore(tmp_path, Catalogue(models=[lost, catalogue["m"]]))
    with pytest.raises(ModelError, match="lost: no source gives") as caught:
        store.pull(["lost", "m"])
    assert len(caught.value.details) == 1
    assert store.installed("m")


def test_an_offline_hub_is_not_asked(tmp_path, catalogue, server, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with start_pull(tmp_path, catalogue) as pull:
        *_, answer = pull.communicate()[0].splitlines()
    assert pull.returncode == ModelError.exit_code
    assert "HF_HUB_OFFLINE is set" in json.loads(answer)["message"]
    assert server.requests == []
