"""The manifest: everything that a plan may name, as plain data."""

from __future__ import annotations

import json

import pytest

from spinbot.graphs.templates import TEMPLATES
from spinbot.planner.manifest import Manifest, capabilities
from tests.house import House


def test_the_manifest_is_json_and_names_what_is_there(tmp_path):
    house = House(tmp_path)
    manifest = capabilities(house.settings, house.models)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    assert json.loads(manifest.model_dump_json())["templates"][0]["parameters"]["type"] == "object"
    assert [entry.name for entry in manifest.templates] == list(TEMPLATES)
    assert manifest.template("talking_portrait").choices("aspect") == ["9:16", "1:1", "16:9"]
    assert manifest.portraits[0].artifact == house.portrait
    kokoro = next(engine for engine in manifest.slots["tts"].engines if engine.name == "kokoro")
    assert kokoro.missing == ["kokoro-82m-int8"]  # no model is installed here
    assert not kokoro.available
    assert manifest.voices == []
    assert manifest.slots["talking_head"].available() == ["meshwarp"]
    assert {"perform_script", "join_scripts"} <= {kind["type"] for kind in manifest.nodes}


@pytest.mark.models
def test_the_manifest_has_the_voices_of_installed_engines(tmp_path, models):
    (tmp_path / "models").symlink_to(models("kokoro-82m-int8").parent)
    house = House(tmp_path)
    manifest = capabilities(house.settings, house.models)
    assert manifest.voice("stock:kumo", "kokoro").language == "en-US"
    assert manifest.voice("stock:kumo", "piper") is None
