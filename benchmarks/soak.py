"""200 video jobs in a row in one session: memory of every process, actors, files and rows must stay as they are.

The jobs speak ten sentences in turn, the longest first, each time with another seed, so nothing but the portrait comes
from the cache, and after the tenth job every length has been seen once: threads of onnxruntime keep the room of the
longest sound they have made, and what grows from there on is a leak. Each host group has one process, so that it has
done every kind of work by then (with more, one may import a library at its 30th job: +6 MB). Memory is the unique set
(USS) of the driver and of each host process, after the tenth job and after the last.

    python benchmarks/soak.py [--jobs 200]

Bar: no process grows by more than 5 % after the tenth job; no host, no temporary file and no row is left over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import func, select

from spinbot.cli.studio import Studio
from spinbot.config import Settings, starter_hosts
from spinbot.graphs.films import TalkingPortrait
from spinbot.media.portraits import path as shipped_portrait
from spinbot.store import database as db

SENTENCES = (
    "Good morning, and welcome to our little kitchen, where we cook tomato soup today.",
    "Bees carry nectar home, and others dry it with their wings.",
    "The old lighthouse has watched over this bay for ages.",
    "Rain in the night makes the garden smell of earth.",
    "Our train leaves at nine and comes back at six.",
    "She paints the door blue because she likes it.",
    "A good story needs one honest sentence.",
    "Please bring your bicycle tomorrow.",
    "The museum opens at ten.",
    "Hello, my friends.",
)
SETTLED = len(SENTENCES)
BAR = 0.05


def processes() -> dict[str, int]:
    """USS in bytes of this process and of each host, by name and pid."""
    found = {}
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        name = process.name()
        if process.pid == os.getpid() or name.startswith("ray::HostActor"):
            found[f"{name.split('.')[0]} {process.pid}"] = process.memory_full_info().uss
    return found


def rows(studio: Studio) -> dict[str, int]:
    with studio.jobs.engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (db.jobs, db.graphs, db.node_runs, db.events, db.results)
        }


async def soak(studio: Studio, jobs: int) -> bool:
    runner = studio.runner()
    portrait = studio.artifacts.put_bytes(shipped_portrait("demo").read_bytes())
    temporary = set(os.listdir(tempfile.gettempdir()))
    before: dict[str, int] = {}
    tenth: dict[str, int] = {}
    began = time.time()
    for number in range(1, jobs + 1):
        graph = TalkingPortrait(script=SENTENCES[(number - 1) % SETTLED], portrait=portrait, seed=number).graph()
        job = await runner.run(runner.submit(graph))
        assert job.state == "succeeded", job.error
        if number == SETTLED:
            before, tenth = processes(), rows(studio)
        if number % 20 == 0:
            sizes = ", ".join(f"{size / 1e6:.0f}" for size in processes().values())
            print(f"  {number} jobs, {(time.time() - began) / number:.1f} s each; MB: {sizes}", flush=True)
    after, last = processes(), rows(studio)
    most = 1 + sum(group.processes for group in studio.settings.hosts.values())
    good = len(after) <= most
    same = before.keys() & after.keys()
    print(f"processes: {len(before)} then, {len(after)} now, {most} at most; {len(same)} are the same")
    for name in same:
        growth = after[name] / before[name] - 1
        good &= growth <= BAR
        print(f"  {name:32} {before[name] / 1e6:7.1f} MB -> {after[name] / 1e6:7.1f} MB  {growth:+.1%}")
    for table, count in last.items():
        each = (count - tenth[table]) / (jobs - SETTLED)
        print(f"  rows of {table:10} {count:6} ({each:.2f} a job)")
    left = [name for name in set(os.listdir(tempfile.gettempdir())) - temporary if name.startswith("spinbot-")]
    half = [path.name for path in studio.artifacts.root.glob(".*")]
    print(f"temporary files left: {left + half or 'none'}")
    await studio.pool.close()
    return good and not left and not half and last["jobs"] == jobs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="soak", dir="/tmp"))
    try:
        (home / "models").symlink_to(Settings().models_dir)
        hosts = {name: group.model_copy(update={"processes": 1}) for name, group in starter_hosts().items()}
        passed = asyncio.run(soak(Studio(Settings(home=home, hosts=hosts)), options.jobs))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print("pass" if passed else "FAIL")


if __name__ == "__main__":
    main()
