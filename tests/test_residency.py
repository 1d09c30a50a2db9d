"""Engines stay in memory under a budget; the least recently used leaves first, one in use never."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from spinbot.actors.call import Message, ModelEvicted, ModelLoaded, ModelLoading
from spinbot.actors.residency import Key, Residency
from spinbot.errors import ModelError
from tests.toys import ToyEngine

MB = 1 << 20


class Shelf:
    """A residency over toy engines of 10 MB each, with what it reported."""

    def __init__(self, budget_mb: int) -> None:
        self.heard: list[Message] = []
        self.memory = 0
        self.residency = Residency(
            budget_mb * MB, build=self._build, estimate=lambda key: 10 * MB, measure=lambda: self.memory
        )
        self.fail = False

    def _build(self, key: Key) -> ToyEngine:
        if self.fail:
            raise ModelError("damaged", hint="pull it")
        self.memory += 10 * MB
        return ToyEngine(lambda name: None)

    def use(self, name: str) -> None:
        with self.residency.lease(("script", name), self.heard.append):
            pass

    def names(self) -> list[str]:
        return [name for _, name in self.residency.resident()]

    def said(self, kind: type) -> list[str]:
        return [message.engine for message in self.heard if isinstance(message, kind)]


def test_an_engine_is_loaded_once_and_says_how_large_it_is():
    shelf = Shelf(100)
    shelf.use("a")
    shelf.use("a")
    assert shelf.said(ModelLoaded) == ["a"]
    assert [m.fraction for m in shelf.heard if isinstance(m, ModelLoading)] == [0.0, 0.5]
    assert shelf.residency.resident() == {("script", "a"): 10 * MB}


def test_the_least_recently_used_leaves_first():
    shelf = Shelf(20)
    for name in ("a", "b", "a", "c"):
        shelf.use(name)
    assert shelf.names() == ["a", "c"]
    assert shelf.said(ModelEvicted) == ["b"]


def test_an_engine_in_use_is_never_evicted():
    shelf = Shelf(20)
    with shelf.residency.lease(("script", "a"), shelf.heard.append):
        for name in ("b", "c", "d"):
            shelf.use(name)
        assert "a" in shelf.names()


def test_a_load_waits_until_there_is_room():
    shelf = Shelf(10)
    with ExitStack() as held:
        held.enter_context(shelf.residency.lease(("script", "a"), shelf.heard.append))
        waiting = threading.Thread(target=shelf.use, args=("b",))
        waiting.start()
        waiting.join(timeout=0.2)
        assert waiting.is_alive()
    waiting.join(timeout=10)
    assert shelf.names() == ["b"]


def test_two_that_want_the_same_engine_share_one_load():
    shelf = Shelf(100)
    users = [threading.Thread(target=shelf.use, args=("a",)) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert shelf.said(ModelLoaded) == ["a"]


def test_what_can_never_fit_is_refused_with_the_setting_to_change():
    with pytest.raises(ModelError, match="needs 10 MB, the budget is 5 MB") as caught:
        Shelf(5).use("a")
    assert "MEMORY_GB" in caught.value.hint


def test_a_failed_load_can_be_tried_again():
    shelf = Shelf(100)
    shelf.fail = True
    with pytest.raises(ModelError, match="damaged"):
        shelf.use("a")
    shelf.fail = False
    shelf.use("a")
    assert shelf.names() == ["a"]
