"""One side of runner.py in a process of its own: runs its graphs and prints a JSON line for each run.

    python runner_sides.py SIDE SHAPE SIZES REPEAT

First comes {"ready": true, ...}, when everything has started and run once; then one line for each run with its size
and seconds. `runner.py` starts it with a fresh home in BENCH_HOME and counts the time between lines.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from runner_shapes import Needs, depths, followers_of, needs_of

HOME = Path(os.environ.get("BENCH_HOME", "."))
IN_FLIGHT = 64
OFTEN = 10  # nodes: graphs up to this size run often enough to be taken in turns with plain calls
WARM_UP = 100  # nodes: enough for every import, connection and lane to have been used
WARM_UP_RUNS = 20  # some 4 s: the second to fourth host start while the first works, and take 2 s of a core each


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def repeats(sizes: list[int], repeat: int) -> Iterator[int]:
    """Sizes in the order of their runs: up to 1,000 nodes `repeat` times (1 node 100 times, 10 nodes 10 times that)."""
    for size in sizes:
        yield from [size] * (1 if size > 1000 else repeat if size > OFTEN else repeat * 100 // size)


# spinbot


def graph(needs: Needs, cache: str) -> dict[str, Any]:
    followed = {i for before in needs for i in before}
    nodes = {}
    for i, before in enumerate(needs):
        ports = zip(("left", "right"), before, strict=False)
        inputs = {port: {"node": f"n{other}", "output": "depth"} for port, other in ports}
        nodes[f"n{i}"] = {"type": "bench_noop", "params": {"index": i}, "inputs": inputs, "cache": cache}
    ends = {f"n{i}": {"node": f"n{i}", "output": "depth"} for i in range(len(needs)) if i not in followed}
    return {"schema": "spinbot.graph/v1", "name": "bench", "nodes": nodes, "outputs": ends}


class Spinbot:
    """What a user of the command line has: its runner, on Ray, with the job store in SQLite."""

    def __init__(self) -> None:
        import runner_node  # noqa: F401  # publishes the node type

        from spinbot.cli.studio import Studio
        from spinbot.config import Settings

        self.settings = Settings(home=HOME)
        studio = Studio(self.settings)
        self.runner, self.pool = studio.runner(), studio.pool

    async def ready(self) -> None:
        """Run until every host has started and none is busy with its imports any more."""
        for _ in range(WARM_UP_RUNS):
            await self.run(needs_of("lattice", WARM_UP), "off")

    async def run(self, needs: Needs, cache: str) -> dict[str, float]:
        document = graph(needs, cache)
        began = time.perf_counter()
        job = self.runner.submit(document)
        submitted = time.perf_counter()
        ended = await self.runner.run(job)
        finished = time.perf_counter()
        assert ended.state == "succeeded", ended.error
        expected = depths(needs)
        wrong = {name: value for name, value in ended.outputs.items() if value["value"] != expected[int(name[1:])]}
        assert not wrong, wrong
        return {"seconds": finished - began, "submit": submitted - began}


async def spinbot(shape: str, sizes: list[int], repeat: int) -> None:
    import ray

    side = Spinbot()
    try:
        await side.ready()
        actor = ray.remote(num_cpus=0)(Plain).remote()
        round_trip(actor)
        say(ready=True)
        measured: set[int] = set()
        for size in repeats(sizes, repeat):
            trip = {"trip": round_trip(actor)} if size <= OFTEN else {}
            # in the first run of a size alone: a later one reuses its memory, and gc.collect() empties the caches
            grown = None if size in measured else memory_growth()
            took = await side.run(needs_of(shape, size), "off")
            say(size=size, **took, **trip, **({"bytes": grown()} if grown else {}))
            measured.add(size)
        for size in sizes:
            await side.run(needs_of(shape, size), "use")  # not measured: some of it is known from smaller graphs
            say(filled=size)
        for size in repeats(sizes, repeat):
            say(size=size, cached=(await side.run(needs_of(shape, size), "use"))["seconds"])
    finally:
        await side.pool.close()


async def profile(shape: str, sizes: list[int], _repeat: int) -> None:
    """Where the driver's event loop spends its time; what other threads do shows as waiting."""
    import cProfile
    import pstats

    side = Spinbot()
    try:
        await side.ready()
        say(ready=True)
        for size in sizes:
            needs = needs_of(shape, size)
            profiler = cProfile.Profile()
            profiler.enable()
            await side.run(needs, "off")
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
            say(profiled=size)
    finally:
        await side.pool.close()


def memory_growth() -> Callable[[], int]:
    """Call the answer later for the growth of resident memory from now to its peak, in bytes; 0 where not Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return lambda: 0

    def read(field: str) -> int:
        return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith(field))

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here, proc(5)
    before = read("VmRSS:")
    return lambda: max(0, read("VmHWM:") - before)


# plain Ray


class Plain:
    """The actor that everybody would write."""

    def step(self, *above: int) -> int:
        return 1 + max(above, default=0)


def round_trip(actor: Any) -> float:
    """Seconds of one plain call."""
    import ray

    began = time.perf_counter()
    ray.get(actor.step.remote(1))
    return time.perf_counter() - began


async def ray_run(actor: Any, shape: str, needs: Needs) -> list[int]:
    values = [0] * len(needs)
    if shape == "chain":
        value = 0
        for i in range(len(needs)):
            values[i] = value = await actor.step.remote(value)
        return values
    followers, missing = followers_of(needs), [len(before) for before in needs]
    ready: asyncio.Queue[int] = asyncio.Queue()
    for i, count in enumerate(missing):
        if not count:
            ready.put_nowait(i)
    left, done = len(needs), asyncio.Event()

    async def lane() -> None:
        nonlocal left
        while True:
            i = await ready.get()
            values[i] = await actor.step.remote(*[values[other] for other in needs[i]])
            for other in followers[i]:
                missing[other] -= 1
                if not missing[other]:
                    ready.put_nowait(other)
            left -= 1
            if not left:
                done.set()

    lanes = [asyncio.create_task(lane()) for _ in range(min(IN_FLIGHT, len(needs)))]
    await done.wait()
    for task in lanes:
        task.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    return values


async def plain_ray(shape: str, sizes: list[int], repeat: int) -> None:
    import ray

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=256 << 20,
        _temp_dir=str(HOME / "ray"),
    )
    actor = ray.remote(num_cpus=0)(Plain).remote()
    await ray_run(actor, "lattice", needs_of("lattice", WARM_UP))
    say(ready=True, round_trip=statistics.median(round_trip(actor) for _ in range(1000)))
    for size in repeats(sizes, repeat):
        needs = needs_of(shape, size)
        began = time.perf_counter()
        values = await ray_run(actor, shape, needs)
        say(size=size, seconds=time.perf_counter() - began)
        assert values == depths(needs)
    ray.shutdown()


# LangGraph


async def langgraph(store: str, shape: str, sizes: list[int], repeat: int) -> None:
    from runner_langgraph import run_langgraph

    file = str(HOME / "checkpoints.db")
    await run_langgraph(store, shape, needs_of(shape, WARM_UP), file)
    say(ready=True)
    for size in repeats(sizes, repeat):
        say(size=size, seconds=await run_langgraph(store, shape, needs_of(shape, size), file))


SIDES: dict[str, Callable[[str, list[int], int], Awaitable[None]]] = {
    "spinbot": spinbot,
    "profile": profile,
    "ray": plain_ray,
    "langgraph": partial(langgraph, "memory"),
    "langgraph-sqlite": partial(langgraph, "FULL"),
    "langgraph-sqlite-normal": partial(langgraph, "NORMAL"),
}

if __name__ == "__main__":
    _, side, shape, sizes, repeat = sys.argv
    uvloop.run(SIDES[side](shape, [int(size) for size in sizes.split(",")], int(repeat)))
