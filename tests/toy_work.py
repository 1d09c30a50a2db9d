"""Toy nodes that work for a while, leave artifacts and keep a diary: what is killed in the kill tests."""

from __future__ import annotations

import threading
import time

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.graphs.graph import Expansion, Link, NodeSpec
from spinbot.graphs.node import Node, Ports, node
from tests.toys import Text, count


@node("toy_work")
class ToyWork(Node):
    """Work for some steps and leave an artifact; the diary tells when each attempt began."""

    name: str
    diary: str
    steps: int = 5
    before: list[Text] = Field(default=[])

    class Outputs(Ports):
        """A text that names the artifact."""

        text: Text

    def run(self, context: CallContext) -> Outputs:
        count(self.diary, f"{time.time():.6f} {self.name}")
        for step in range(self.steps):
            threading.Event().wait(0.02)
            context.progress(step / self.steps, "working")
        parts = [context.artifacts.path(text.text).read_bytes() for text in self.before]
        data = b"".join([*parts, self.name.encode(), b"." * 20_000])[-200_000:]
        return self.Outputs(text=Text(text=context.artifacts.put_bytes(data)))


@node("toy_think", slots=("script",))
class ToyThink(ToyWork):
    """The same with an engine."""

    def run(self, context: CallContext) -> ToyWork.Outputs:
        with context.engine("script"):
            return super().run(context)


@node("toy_crew", inner_slots=("script",))
class ToyCrew(Node):
    """Expand into workers side by side, and one that gathers what they made."""

    name: str
    diary: str
    size: int = 3
    before: list[Text] = Field(default=[])

    class Outputs(Ports):
        """A text that names the artifact."""

        text: Text

    def run(self, context: CallContext) -> Expansion:
        count(self.diary, f"{time.time():.6f} {self.name}")
        inner = {
            f"w{n}": NodeSpec(type="toy_think", params={"name": f"{self.name}/w{n}", "diary": self.diary})
            for n in range(self.size)
        }
        links = [Link(node=name, output="text") for name in inner]
        gather = {"name": f"{self.name}/all", "diary": self.diary}
        inner["all"] = NodeSpec(type="toy_work", params=gather, inputs={"before": links})
        return Expansion(nodes=inner, outputs={"text": Link(node="all", output="text")})
