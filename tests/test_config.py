"""One variable changes one setting, and what it does not name stays."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from spinbot.config import STARTER_ENGINES, HostGroup, Settings, starter_hosts


def test_one_setting_of_one_host_group_leaves_the_others_as_they_are(monkeypatch):
    monkeypatch.setenv("SPINBOT_HOSTS__VISION__NUM_GPUS", "1")
    starter = starter_hosts()
    hosts = Settings().hosts
    assert hosts["vision"] == starter["vision"].model_copy(update={"num_gpus": 1})
    assert {name: group for name, group in hosts.items() if name != "vision"} == {
        name: group for name, group in starter.items() if name != "vision"
    }


def test_a_host_group_can_be_added_and_removed(monkeypatch):
    monkeypatch.setenv("SPINBOT_HOSTS", '{"speech": null, "voice": {"slots": ["tts", "asr"], "threads": 2}}')
    hosts = Settings().hosts
    assert set(hosts) == {"language", "vision", "media", "training", "voice"}
    assert hosts["voice"].threads == 2


def test_one_engine_leaves_the_other_slots_as_they_are(monkeypatch):
    monkeypatch.setenv("SPINBOT_ENGINES__TTS", "piper")
    assert Settings().engines == STARTER_ENGINES | {"tts": "piper"}


def test_groups_given_by_code_are_all_there_are():
    assert set(Settings(hosts={"all": HostGroup(slots=["tts"])}).hosts) == {"all"}


def test_a_misspelt_setting_is_refused(monkeypatch):
    monkeypatch.setenv("SPINBOT_HOSTS__VISION__GPUS", "1")
    with pytest.raises(ValidationError, match="gpus"):
        Settings()
