"""Graphs for runner.py as plain numbers: `needs[i]` names the nodes before node i, always smaller ones.

chain    each node takes the value of the one before.
fan      one source and n-1 leaves that take its value; nothing joins them.
lattice  layers of 10 nodes, the last one perhaps cut short; node j of a layer takes the values of the nodes j and
         j+1 (mod 10) of the layer before: diamonds all over.

Every node answers 1 + the largest value it takes (0 where it takes none), which is its depth: the least work whose
result shows that the node ran, and after those it needs.
"""

from __future__ import annotations

SHAPES = ("chain", "fan", "lattice")
WIDTH = 10

Needs = list[tuple[int, ...]]


def needs_of(shape: str, size: int) -> Needs:
    if shape == "chain":
        return [(i - 1,) if i else () for i in range(size)]
    if shape == "fan":
        return [(0,) if i else () for i in range(size)]
    above = [(i // WIDTH - 1) * WIDTH for i in range(size)]  # where the layer before begins
    return [(above[i] + i % WIDTH, above[i] + (i + 1) % WIDTH) if i >= WIDTH else () for i in range(size)]


def followers_of(needs: Needs) -> list[list[int]]:
    followers: list[list[int]] = [[] for _ in needs]
    for i, before in enumerate(needs):
        for other in before:
            followers[other].append(i)
    return followers


def depths(needs: Needs) -> list[int]:
    """What every node must answer."""
    found: list[int] = []
    for before in needs:
        found.append(1 + max((found[i] for i in before), default=0))
    return found
