"""The catalogue of starter models."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from spinbot.errors import NotFoundError
from spinbot.models.catalogue import FileEntry, ModelEntry, digest, load_catalogue
from spinbot.models.sources import HubFile, LocalFile, WheelMember, parse_source
from spinbot.models.store import ModelStore

FILE = {"path": "a.bin", "sha256": "0" * 64, "bytes": 1, "sources": ["file:/a"]}


def test_a_plain_pull_installs_one_model_for_each_slot_and_nothing_optional():
    catalogue = load_catalogue()
    slots = [catalogue[name].slot for name in catalogue.defaults]
    assert sorted(slots) == ["asr", "face", "image", "script", "tts", "upscale"]
    optional = {entry.name for entry in catalogue.models} - set(catalogue.defaults)
    assert optional == {"piper-joe-medium", "resemblyzer-ge2e", "whisper-base"}


def test_every_starter_file_comes_with_spinbot_or_can_be_had_from_a_package_index_without_a_hub():
    for entry in load_catalogue().models:
        for file in entry.files:
            last = file.sources[-1]
            parts = [last] if isinstance(last, str) else last
            assert all(part.startswith(("pypi:", "package:")) for part in parts), file.path
            for place in map(parse_source, parts):
                assert not isinstance(place, LocalFile) or place.path.stat().st_size == file.bytes


def test_hub_sources_name_a_commit_so_that_the_bytes_cannot_change():
    for entry in load_catalogue().models:
        for source in (source for file in entry.files for source in file.sources):
            for part in [source] if isinstance(source, str) else source:
                place = parse_source(part)
                assert not isinstance(place, HubFile) or len(place.revision) == 40


def test_the_digest_follows_the_bytes_and_not_the_order_or_the_sources():
    entry = load_catalogue()["mediapipe-face"]
    turned = entry.model_copy(update={"files": entry.files[::-1]})
    changed = entry.model_copy(
        update={"files": [entry.files[0].model_copy(update={"sha256": "0" * 64}), entry.files[1]]}
    )
    assert digest(entry) == digest(turned)
    assert digest(entry) != digest(changed)
    assert len(digest(entry)) == 64


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(NotFoundError, match="no model 'kokorro'") as caught:
        load_catalogue()["kokorro"]
    assert "kokoro-82m-int8" in caught.value.hint


@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", ".verified.json", "a//b", "a\\b"])
def test_a_file_cannot_leave_the_folder_of_its_model(path):
    with pytest.raises(ValidationError):
        FileEntry.model_validate({**FILE, "path": path})


@pytest.mark.parametrize(
    "source",
    [
        "http://host/a",
        "hf:repo/a",
        "pypi:name/path",
        "pypi:name==1.0",
        "file:a",
        "package:../a",
        "package:/a",
        ["pypi:a==1/b", "x"],
    ],
)
def test_a_source_that_cannot_be_read_is_refused_when_the_catalogue_loads(source):
    with pytest.raises(ValidationError, match="is not a source"):
        FileEntry.model_validate({**FILE, "sources": [source]})


def test_only_files_of_wheels_can_be_joined():
    with pytest.raises(ValidationError, match="only files of wheels can be joined"):
        FileEntry.model_validate({**FILE, "sources": [["pypi:a==1/b", "file:/a"]]})


def test_sources_may_hold_folders():
    assert parse_source("hf:a/b@main/c/d.bin") == HubFile("a/b", "main", "c/d.bin")
    assert parse_source("pypi:a-b==1.0.post1/c/d.bin") == WheelMember("a-b", "1.0.post1", "c/d.bin")


def test_a_misspelt_field_is_refused():
    with pytest.raises(ValidationError, match="sha265"):
        ModelEntry.model_validate({"files": [{**FILE, "sha265": ""}]})


@pytest.mark.models
def test_the_installed_starter_models_are_the_catalogues_byte_for_byte(models):
    catalogue = load_catalogue()
    store = ModelStore(models(catalogue.defaults[0]).parent, catalogue)
    for name in catalogue.defaults:
        assert store.verify(name) == models(name)
