"""LangGraph's side of runner.py: the same shapes as a StateGraph, checkpoints in memory or in SQLite.

The state is as small as it can be while each node's value arrives where it is needed, since every checkpoint holds
all of it: one number for a chain, one for each column of a lattice, and for a fan the source's number and a list that
leaves append to (they write in the same step, so it has a reducer). Everything else is LangGraph's default, hence
durability "async": a step's checkpoint may be written while the next step runs.

SQLite comes twice: as shipped (WAL and synchronous=FULL: a commit waits for the disk), and with synchronous=NORMAL as
spinbot sets it, so that both lose the same in a power cut. Compiling the graph is not counted.

Either saver may be the faster: `SqliteSaver` with `invoke`, or `AsyncSqliteSaver` with `ainvoke` and async nodes.
FASTER says which one is used, measured at 1,000 nodes.
"""

from __future__ import annotations

import operator
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from runner_shapes import WIDTH, Needs, depths

# "sync" by "async", ms a node at 1,000 nodes. memory: chain 0.81/0.72, fan 0.28/0.32, lattice 0.37/0.26;
# FULL: chain 1.75/2.22, fan 1.00/0.80, lattice 1.53/1.15; NORMAL: chain 1.49/1.68, fan 0.43/0.55, lattice 0.71/0.73.
FASTER = {
    "memory": {"chain": "async", "fan": "sync", "lattice": "async"},
    "FULL": {"chain": "sync", "fan": "async", "lattice": "async"},
    "NORMAL": {"chain": "sync", "fan": "sync", "lattice": "sync"},
}


def state_of(shape: str) -> tuple[Any, dict[str, Any]]:
    """The state's type, and its first value."""
    from typing_extensions import TypedDict

    if shape == "chain":
        return TypedDict("Chain", {"depth": int}), {"depth": 0}
    if shape == "fan":
        return TypedDict("Fan", {"source": int, "leaves": Annotated[list[int], operator.add]}), {
            "source": 0,
            "leaves": [],
        }
    columns = [f"column{j}" for j in range(WIDTH)]
    return TypedDict("Lattice", dict.fromkeys(columns, int)), dict.fromkeys(columns, 0)


def step_of(shape: str, i: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    if shape == "chain":
        return lambda state: {"depth": state["depth"] + 1}
    if shape == "fan" and i:
        return lambda state: {"leaves": [state["source"] + 1]}
    if shape == "fan":
        return lambda state: {"source": state["source"] + 1}
    own, other = f"column{i % WIDTH}", f"column{(i + 1) % WIDTH}"
    return lambda state: {own: 1 + max(state[own], state[other])}


def ends_of(shape: str, needs: Needs) -> dict[str, Any]:
    """The state behind the last step."""
    found = depths(needs)
    if shape == "chain":
        return {"depth": found[-1]}
    if shape == "fan":
        return {"source": 1, "leaves": found[1:]}
    last = {f"column{i % WIDTH}": depth for i, depth in enumerate(found)}
    return state_of(shape)[1] | last


def build(shape: str, needs: Needs, saver: Any, kind: str) -> Any:
    from langgraph.graph import START, StateGraph

    def asynchronous(step: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        async def run(state: dict[str, Any]) -> dict[str, Any]:
            return step(state)

        return run

    graph = StateGraph(state_of(shape)[0])
    for i, before in enumerate(needs):
        step = step_of(shape, i)
        graph.add_node(f"n{i}", asynchronous(step) if kind == "async" else step)
        # All that a node of these shapes needs ends in one step, so plain edges start it once, with less work than a
        # joint edge of several nodes.
        for start in [f"n{other}" for other in before] or [START]:
            graph.add_edge(start, f"n{i}")
    return graph.compile(checkpointer=saver)


@asynccontextmanager
async def saver_of(store: str, kind: str, file: str) -> AsyncIterator[Any]:
    if store == "memory":
        from langgraph.checkpoint.memory import InMemorySaver

        yield InMemorySaver()
    elif kind == "async":
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(file) as saver:
            await saver.conn.execute(f"PRAGMA synchronous={store}")
            yield saver
    else:
        from langgraph.checkpoint.sqlite import SqliteSaver

        with SqliteSaver.from_conn_string(file) as saver:
            saver.conn.execute(f"PRAGMA synchronous={store}")
            yield saver


async def run_langgraph(store: str, shape: str, needs: Needs, file: str) -> float:
    """Seconds of one run."""
    kind = FASTER[store][shape]
    async with saver_of(store, kind, file) as saver:
        graph = build(shape, needs, saver, kind)
        config = {"recursion_limit": len(needs) + 10, "configurable": {"thread_id": os.urandom(8).hex()}}
        state = state_of(shape)[1]
        began = time.perf_counter()
        ended = await graph.ainvoke(state, config) if kind == "async" else graph.invoke(state, config)
        seconds = time.perf_counter() - began
    assert ended == ends_of(shape, needs), "LangGraph's result is wrong"
    return seconds
