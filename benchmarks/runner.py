"""What the runner costs: graphs of nodes that do nothing, by spinbot, by plain Ray calls and by LangGraph.

Each shape (chain, fan, lattice: see runner_shapes.py) and size is run by

    ray        one plain actor: a chain awaits call after call; else a call is submitted as soon as its inputs are
               there, 64 at most in flight
    spinbot    the command line's own runner: Ray, SQLite, durability on, the nodes' cache off; submission counted
    cached     the same graph by spinbot once more, with every result in the cache
    lg memory  LangGraph with InMemorySaver
    lg sqlite  LangGraph with its SQLite checkpointer as shipped
    lg normal  the same with synchronous=NORMAL, which is what spinbot's store uses

one after another, never two at a time; every side in fresh interpreters: one for the sizes up to 100, one for each
larger size. All databases lie in one temporary folder. Graphs up to 1,000 nodes run --repeat times (those of 10 nodes
10 times and of 1 node 100 times as often) and the median counts; larger ones run once. What is not done after --limit
seconds is ended.

    pip install langgraph langgraph-checkpoint-sqlite
    python benchmarks/runner.py [--sizes 1,10,100] [--shapes chain,fan] [--only spinbot,ray] [--repeat 3]
    python benchmarks/runner.py --profile

Bars: a node of spinbot costs at most 2 round trips of a plain actor call (`ray.get(actor.step.remote(1))`, one at a
time) and at most half of LangGraph's with SQLite; 10,000 nodes finish; memory is linear in nodes. Graphs of up to 10
nodes are also shown against calls made in turns with them, in one process: such a call finds idle processes, as a job
does, and on a busy machine the next minute is another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runner_shapes import SHAPES

HERE = Path(__file__).parent
SIDES = {
    "ray": ["ray"],
    "spinbot": ["spinbot"],
    "langgraph": ["langgraph", "langgraph-sqlite", "langgraph-sqlite-normal"],
}
COLUMNS = {
    "ray": "ray",
    "spinbot": "spinbot",
    "cached": "cached",
    "langgraph": "lg memory",
    "langgraph-sqlite": "lg sqlite",
    "langgraph-sqlite-normal": "lg normal",
}
START_UP = 120  # seconds: Ray, four hosts and their imports on a busy machine
LARGE = 100  # sizes above it have a process of their own
PER_CALL, PER_LANGGRAPH = 2.0, 0.5  # the bars
LINEAR = 1.5  # memory of a node in the largest graph, at most so many times that of a node in a graph of 1,000

Key = tuple[str, int, str]


class Results:
    """What the sides said: seconds by shape, size and column."""

    def __init__(self) -> None:
        self.seconds: dict[Key, list[float]] = defaultdict(list)
        self.submit: dict[tuple[str, int], float] = {}
        self.bytes: dict[tuple[str, int], int] = {}
        self.over: set[Key] = set()
        self.trips: list[float] = []
        self.in_turns: dict[tuple[str, int], list[float]] = defaultdict(list)

    def take(self, side: str, shape: str, said: dict[str, Any]) -> None:
        if "round_trip" in said:
            self.trips.append(said["round_trip"])
        if "trip" in said:
            self.in_turns[shape, said["size"]].append(said["trip"])
        if "cached" in said:
            self.seconds[shape, said["size"], "cached"].append(said["cached"])
        if "seconds" in said:
            self.seconds[shape, said["size"], side].append(said["seconds"])
        if "submit" in said:
            self.submit[shape, said["size"]] = said["submit"]
        if "bytes" in said:
            self.bytes[shape, said["size"]] = said["bytes"]

    def per_node(self, shape: str, size: int, column: str) -> float | None:
        """Median seconds a node; None where nothing was measured."""
        found = self.seconds.get((shape, size, column))
        return statistics.median(found) / size if found else None

    def trip(self) -> float | None:
        """Median seconds of a plain call, one after another."""
        return statistics.median(self.trips) if self.trips else None


async def run_side(side: str, shape: str, sizes: list[int], repeat: int, limit: float, results: Results) -> None:
    """Run one side's process; the sizes it did not come to within the limit are noted as such."""
    # Ray's sockets lie below this folder and a socket's path may have 107 bytes only: keep it short.
    home = Path(tempfile.mkdtemp(prefix="sbb-", dir="/tmp" if os.path.isdir("/tmp") else None))
    quiet = {"LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, str(HERE / "runner_sides.py"), side, shape, ",".join(map(str, sizes)), str(repeat)],
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | quiet | {"BENCH_HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": path},
        start_new_session=True,
    )
    assert process.stdout is not None
    print(f"  {side} {shape} {','.join(map(str, sizes))}", file=sys.stderr, flush=True)
    wait = float(START_UP)
    try:
        while line := await asyncio.wait_for(process.stdout.readline(), wait):
            if line.startswith(b"{"):
                results.take(side, shape, json.loads(line))
                wait = limit
            else:
                print(line.decode(), end="")
        if await process.wait():
            raise SystemExit(f"{side} {shape} {sizes} failed; its error stands above")
    except TimeoutError:
        for column in [side, "cached"] if side == "spinbot" else [side]:
            results.over |= {(shape, n, column) for n in sizes if (shape, n, column) not in results.seconds}
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)  # Ray's processes end with it, by the parent-death signal
            await process.wait()
        shutil.rmtree(home, ignore_errors=True)


async def measure(options: argparse.Namespace, results: Results) -> None:
    small = [size for size in options.sizes if size <= LARGE]
    groups = [group for group in [small, *[[size] for size in options.sizes if size > LARGE]] if group]
    for shape in options.shapes:
        for sizes in groups:
            for side in [side for name in options.only for side in SIDES[name]]:
                await run_side(side, shape, sizes, options.repeat, options.limit, results)


def ratio(ours: float | None, theirs: float | None, at_least: bool = False) -> str:
    """`at_least`: theirs is only known to be above this."""
    return f"{'<' * at_least}{ours / theirs:.2f}" if ours and theirs else "-"


def print_tables(options: argparse.Namespace, results: Results) -> None:
    columns = [c for c in COLUMNS if any(column == c for _, _, column in [*results.seconds, *results.over])]
    trip = results.trip()
    head = f"{'shape':8}{'nodes':>7}" + "".join(f"{COLUMNS[column]:>18}" for column in columns)
    print(f"\nms a node (total s)\n{head}{'/ call':>9}{'/ sqlite':>9}{'/ normal':>9}")
    for shape in options.shapes:
        for size in options.sizes:
            row = f"{shape:8}{size:7}"
            for column in columns:
                each = results.per_node(shape, size, column)
                cell = f"{each * 1e3:.3f} ({each * size:.2f})" if each is not None else "-"
                row += f"{f'> {options.limit:g} s' if (shape, size, column) in results.over else cell:>18}"
            ours = results.per_node(shape, size, "spinbot")
            row += f"{ratio(ours, trip):>9}"
            for column in ("langgraph-sqlite", "langgraph-sqlite-normal"):
                over = (shape, size, column) in results.over
                theirs = options.limit / size if over else results.per_node(shape, size, column)
                row += f"{ratio(ours, theirs, over):>9}"
            print(row)
    if trip:
        print(f"\nround trip of a plain actor call, one at a time: {trip * 1e3:.3f} ms (median)")
    for (shape, size), trips in results.in_turns.items():
        taken = statistics.median(trips)
        calls = ratio(results.per_node(shape, size, "spinbot"), taken)
        print(f"in turns with {shape} {size}: {taken * 1e3:.3f} ms; a node costs {calls} of them")
    large = {key: grown for key, grown in results.bytes.items() if key[1] >= 1000}
    if large:
        print("\nspinbot's driver: growth of resident memory to its peak in the first run, and the time of submit()")
    for (shape, size), grown in large.items():
        submit = results.submit[shape, size]
        print(f"{shape:8}{size:7}{grown / 1e6:9.1f} MB{grown / size / 1e3:8.2f} kB a node{submit:9.2f} s")


def print_verdict(options: argparse.Namespace, results: Results) -> None:
    print()

    def judge(name: str, passed: bool, figure: str) -> None:
        print(f"{'pass' if passed else 'FAIL'}  {name}: {figure}")

    def worst(others: dict[Key, float]) -> tuple[float, str]:
        rows = [(results.per_node(*key), other, key) for key, other in others.items()]
        return max((ours / other, f"{key[0]} {key[1]}") for ours, other, key in rows if ours)

    ours = [key for key in results.seconds if key[2] == "spinbot"]
    late = sorted(key for key in results.over if key[2] == "spinbot")
    if ours and (trip := results.trip()):
        figure, where = worst(dict.fromkeys(ours, trip))
        judge(f"a node costs at most {PER_CALL:g} plain calls", figure <= PER_CALL, f"{figure:.2f} at worst ({where})")
    for column in ("langgraph-sqlite", "langgraph-sqlite-normal"):
        others = {key: other for key in ours if (other := results.per_node(key[0], key[1], column))}
        if others:
            figure, where = worst(others)
            name = f"a node costs at most {PER_LANGGRAPH:g} of {COLUMNS[column]}"
            judge(name, figure <= PER_LANGGRAPH, f"{figure:.2f} at worst ({where})")
    if ours or late:
        largest = max(options.sizes)
        figure = ", ".join(f"{shape} {size} did not" for shape, size, _ in late) or "they did"
        judge(f"graphs of up to {largest} nodes finish within {options.limit:g} s", not late, figure)
    for shape in options.shapes:
        sizes = sorted(size for found, size in results.bytes if found == shape and size >= 1000)
        if len(sizes) > 1:
            growth = [results.bytes[shape, size] / size for size in (sizes[0], sizes[-1])]
            figure = f"{growth[0] / 1e3:.2f} kB a node at {sizes[0]}, {growth[1] / 1e3:.2f} kB at {sizes[-1]}"
            judge(f"memory of a {shape} is linear in its nodes", growth[1] <= LINEAR * growth[0], figure)


def parse() -> argparse.Namespace:
    def listed(text: str) -> list[str]:
        return [word.strip() for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,10,100,1000,10000", help="nodes of the graphs (default: %(default)s)")
    parser.add_argument("--shapes", type=listed, default=list(SHAPES), help="of chain,fan,lattice (default: all)")
    parser.add_argument("--only", type=listed, default=list(SIDES), help="of ray,spinbot,langgraph (default: all)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each graph (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=300, help="seconds that one run may take (default: %(default)s)")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="instead: spinbot's chain of 1,000 nodes (or --shapes, --sizes) under cProfile, the top 30 by own time",
    )
    options = parser.parse_args()
    if options.profile and options.sizes == parser.get_default("sizes"):
        options.sizes = "1000"
    if options.profile and options.shapes == list(SHAPES):
        options.shapes = ["chain"]
    options.sizes = sorted({int(size) for size in listed(options.sizes)})
    for name, known in (("shapes", SHAPES), ("only", SIDES)):
        if unknown := set(getattr(options, name)) - set(known):
            parser.error(f"--{name}: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options


def main() -> None:
    options = parse()
    results = Results()
    if options.profile:
        for shape in options.shapes:
            asyncio.run(run_side("profile", shape, options.sizes, 1, options.limit, results))
        return
    names = ["ray"] + (["langgraph", "langgraph-checkpoint-sqlite"] if "langgraph" in options.only else [])
    print(f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}", end="; ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start", flush=True)
    asyncio.run(measure(options, results))
    print_tables(options, results)
    print_verdict(options, results)


if __name__ == "__main__":
    main()
