"""What live hosts say of themselves, the same on both kinds of pool."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from spinbot import __version__
from spinbot.actors.call import Call
from spinbot.actors.host import CallContext
from spinbot.actors.pool import local_pool
from spinbot.config import HostGroup, Settings
from spinbot.errors import HostLostError
from tests.lab import Lab, link, number

SAID = {"group", "busy", "pid", "machine", "cpus", "memory_bytes", "engines", "cuda", "node", "system"}


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.ray)])
def lab(request: pytest.FixtureRequest, tmp_path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path, request.param)
    yield laboratory
    laboratory.close()


def test_each_host_names_its_group_its_process_and_the_engines_in_its_memory(lab):
    lab.run({"a": number(1), "b": {"type": "toy_double", "inputs": {"number": link("a")}}}, "b")
    hosts = lab.hosts_at_rest()
    assert {said["group"] for said in hosts.values()} == {"language", "media"}
    assert all(set(said) == SAID for said in hosts.values())
    language = next(said for said in hosts.values() if said["group"] == "language")
    assert set(language["engines"]) == {"script/tests.toys:ToyEngine"}
    assert 0 < language["system"]["memory_used_bytes"] < language["system"]["memory_bytes"]
    same_process = language["pid"] == os.getpid()
    assert same_process == (len({said["pid"] for said in hosts.values()}) == 1)


def test_a_host_that_does_not_answer_is_named_with_the_reason(lab):
    class Lost:
        async def describe(self) -> dict[str, object]:
            raise HostLostError("the process of host 'gone' died")

        async def kill(self) -> None:
            pass

    lab.run({"a": number(1)})
    lab.pool.adopt("media", "gone", Lost(), [])
    hosts = lab.hosts_at_rest()
    assert hosts.pop("gone") == {"group": "media", "busy": False, "error": "the process of host 'gone' died"}
    assert all(set(said) == SAID for said in hosts.values())


@pytest.mark.ray
def test_a_host_that_never_found_room_does_not_hold_up_a_new_runner(tmp_path, monkeypatch):
    import ray

    from spinbot.actors.ray import pool as on_ray
    from spinbot.actors.ray.depot import Depot

    monkeypatch.setattr(on_ray, "GREET_S", 0.5)
    with closing(Lab(tmp_path, "ray")) as lab:
        lab.run({"a": number(1)})
        name, media = (
            f"host/{__version__}/media/left",
            lab.settings.hosts["media"].model_copy(update={"num_cpus": 1000.0}),
        )
        left = {"name": name, "namespace": on_ray.NAMESPACE, "lifetime": "detached"}
        on_ray._actor_class(media).options(**left).remote(media, lab.settings, "left", None)
        pool = on_ray.ClusterPool(lab.settings, cast(Depot, None))
        lab.wait(pool.take_in())
        assert lab.wait(pool.describe()) == [{}]
        while ray.util.list_named_actors(all_namespaces=True):  # until Ray has ended it
            pass


STEPPED, ENOUGH = threading.Event(), threading.Event()


def steps(context: CallContext, payload: object) -> dict[str, object]:
    """Work in steps, until there was enough."""
    count = 0
    while not ENOUGH.is_set():
        count += 1
        STEPPED.set()
        context.progress(0.5, f"step {count}")
    return {"steps": count}


def looks(context: CallContext, payload: object) -> dict[str, object]:
    """Whether a step is taken while this call runs, after the one that may be under way."""
    STEPPED.wait(0.2)
    STEPPED.clear()
    STEPPED.wait(0.2)
    STEPPED.clear()
    return {"stepped": STEPPED.wait(1.0)}


def test_a_nice_call_rests_while_another_runs_and_then_goes_on(tmp_path):
    asyncio.run(one_rests_for_the_other(tmp_path))


async def one_rests_for_the_other(tmp_path):
    hosts = {"training": HostGroup(nice=15), "media": HostGroup()}
    pool = local_pool(Settings(home=tmp_path, hosts=hosts))
    STEPPED.clear()
    ENOUGH.clear()
    training = asyncio.ensure_future(pool.call("training", Call("a", steps, None, {}), lambda said: None))
    assert await asyncio.to_thread(STEPPED.wait, 10)
    answer = await pool.call("media", Call("b", looks, None, {}), lambda said: None)
    assert answer.result == {"stepped": False}
    STEPPED.clear()
    assert await asyncio.to_thread(STEPPED.wait, 10), "it goes on"
    ENOUGH.set()
    assert (await training).result["steps"] > 1
    await pool.close()
