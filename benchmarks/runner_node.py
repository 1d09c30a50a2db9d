"""The node of runner.py that does nothing, in a module of its own because Ray's workers import it."""

from __future__ import annotations

from spinbot.actors.host import CallContext
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.values import Value


class Depth(Value):
    value: int


@node("bench_noop")
class Noop(Node):
    """Answer 1 + the larger input."""

    index: int  # gives each node of a graph a cache key of its own
    left: Depth | None = None
    right: Depth | None = None

    class Outputs(Ports):
        """How many nodes stand above it, and itself."""

        depth: Depth

    def run(self, context: CallContext) -> Outputs:
        above = max((taken.value for taken in (self.left, self.right) if taken), default=0)
        return self.Outputs(depth=Depth(value=above + 1))
