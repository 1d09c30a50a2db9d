"""Real implementations of the contracts that need no weights: toy engines and toy nodes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.base import Engine, Progress
from spinbot.errors import InputError, ModelError, NodeTimeoutError
from spinbot.graphs.graph import Expansion, Link, NodeSpec
from spinbot.graphs.node import Node, Ports, node
from spinbot.graphs.values import Value


class ToyEngine(Engine):
    """Counts its loads in a file, so that any process can be asked."""

    slot = "script"
    name = "toy"
    megabytes: ClassVar[int] = 8

    def load(self, progress: Progress) -> None:
        progress(0.5, "half way")
        self.weights = bytearray(self.megabytes << 20)

    def unload(self) -> None:
        del self.weights

    def double(self, number: int) -> int:
        assert self.weights is not None
        return number * 2


class OtherToyEngine(ToyEngine):
    name = "other"


class BrokenEngine(ToyEngine):
    """Fails to load."""

    slot = "asr"

    def load(self, progress: Progress) -> None:
        raise ModelError("the weights of toy are damaged", hint="spinbot models pull toy")


TOY = "tests.toys:ToyEngine"
BROKEN = "tests.toys:BrokenEngine"


class Number(Value):
    value: int


class Text(Value):
    text: str


def count(path: str, line: str) -> None:
    """Append a line: side effects that outlive any process."""
    if path:
        with Path(path).open("a") as file:
            file.write(line + "\n")


@node("toy_number")
class ToyNumber(Node):
    """Answer a number."""

    value: int = Field(ge=0, description="The number")
    diary: str = ""

    class Outputs(Ports):
        """It."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        count(self.diary, f"number {self.value}")
        return self.Outputs(number=Number(value=self.value))


@node("toy_add")
class ToyAdd(Node):
    """Add two numbers."""

    left: Number
    right: Number
    diary: str = ""

    class Outputs(Ports):
        """The sum."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        count(self.diary, f"add {self.left.value} {self.right.value}")
        return self.Outputs(number=Number(value=self.left.value + self.right.value))


@node("toy_double", slots=("script",))
class ToyDouble(Node):
    """Double a number by an engine."""

    number: Number

    class Outputs(Ports):
        """Twice the number."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        with context.engine("script") as engine:
            assert isinstance(engine, ToyEngine)
            return self.Outputs(number=Number(value=engine.double(self.number.value)))


@node("toy_broken", slots=("asr",))
class ToyBroken(Node):
    """Ask for an engine that cannot load."""

    number: Number

    class Outputs(Ports):
        """Never."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        with context.engine("asr"):
            return self.Outputs(number=self.number)


@node("toy_fail")
class ToyFail(Node):
    """Fail, in the way that is asked."""

    how: str = "input"

    class Outputs(Ports):
        """Never."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        if self.how == "input":
            raise InputError("the toy is unhappy", hint="be nice to it", code="unhappy")
        raise ZeroDivisionError("a defect")


@node("toy_meet")
class ToyMeet(Node):
    """Wait until `others` more runs of the same meeting wait too: proves that nodes run side by side."""

    meeting: str
    others: int = 1
    name: str = "a"

    class Outputs(Ports):
        """One."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        folder = Path(self.meeting)
        (folder / self.name).touch()
        while len(list(folder.iterdir())) <= self.others:
            context.progress(0.5, "waiting for the others")
            threading.Event().wait(0.01)
        return self.Outputs(number=Number(value=1))


@node("toy_forever")
class ToyForever(Node):
    """Run until cancelled, counting steps."""

    started: str = ""

    class Outputs(Ports):
        """Never."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        count(self.started, "started")
        while True:
            context.progress(0.1, "still here")
            threading.Event().wait(0.01)


@node("toy_crash")
class ToyCrash(Node):
    """Lose its own process the first time, succeed the second."""

    marker: str

    class Outputs(Ports):
        """Seven."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        if not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.Outputs(number=Number(value=7))


@node("toy_file")
class ToyFile(Node):
    """Make an artifact."""

    content: str

    class Outputs(Ports):
        """A text that names the artifact."""

        text: Text

    def run(self, context: CallContext) -> Outputs:
        return self.Outputs(text=Text(text=context.artifacts.put_bytes(self.content.encode())))


@node("toy_flaky")
class ToyFlaky(Node):
    """Not answer in time for the first `failures` attempts, which the diary counts."""

    diary: str
    failures: int = 1

    class Outputs(Ports):
        """How many attempts it took."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        count(self.diary, "tried")
        tries = len(Path(self.diary).read_text().splitlines())
        if tries <= self.failures:
            raise NodeTimeoutError("the toy did not answer")
        return self.Outputs(number=Number(value=tries))


@node("toy_stubborn")
class ToyStubborn(Node):
    """Never look whether it is cancelled, until its process ends."""

    started: str = ""

    class Outputs(Ports):
        """Never."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        count(self.started, str(os.getpid()))
        context.progress(0.1, "from now on deaf")
        while True:
            threading.Event().wait(0.05)


@node("toy_gate")
class ToyGate(Node):
    """Wait until a file is there."""

    gate: str
    value: int = 1
    diary: str = ""

    class Outputs(Ports):
        """The value."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        count(self.diary, f"gate {self.value}")
        while not Path(self.gate).exists():
            context.progress(0.5, "waiting at the gate")
            threading.Event().wait(0.01)
        return self.Outputs(number=Number(value=self.value))


@node("toy_sum")
class ToySum(Node):
    """Add any number of numbers."""

    numbers: list[Number]
    diary: str = ""

    class Outputs(Ports):
        """The sum."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        total = sum(number.value for number in self.numbers)
        count(self.diary, f"sum {total}")
        return self.Outputs(number=Number(value=total))


@node("toy_double_all", inner_slots=("script",))
class ToyDoubleAll(Node):
    """Expand into a double of the input for each of `times`, and their sum."""

    number: Number
    times: int = Field(default=2, ge=1)
    diary: str = ""

    class Outputs(Ports):
        """The sum."""

        number: Number

    def run(self, context: CallContext) -> Expansion:
        count(self.diary, f"expand {self.times}")
        inner = {
            f"double-{n}": NodeSpec(type="toy_double", inputs={"number": Link(node="..", output="number")})
            for n in range(self.times)
        }
        links = [Link(node=name, output="number") for name in inner]
        inner["sum"] = NodeSpec(type="toy_sum", params={"diary": self.diary}, inputs={"numbers": links})
        return Expansion(nodes=inner, outputs={"number": Link(node="sum", output="number")})


@node("toy_misfit")
class ToyMisfit(Node):
    """Expand into a node that does not exist."""

    class Outputs(Ports):
        """Never."""

        number: Number

    def run(self, context: CallContext) -> Expansion:
        return Expansion(nodes={"a": NodeSpec(type="nope")}, outputs={"number": Link(node="a", output="number")})


@node("toy_steps")
class ToySteps(Node):
    """Do `steps` steps, saving after each; die behind step `die_after`, the first time."""

    steps: int
    diary: str
    die_after: int = -1

    class Outputs(Ports):
        """How many steps this attempt did."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        begin = context.checkpoint["done"] if context.checkpoint else 0
        for step in range(begin, self.steps):
            count(self.diary, f"step {step}")
            context.save({"done": step + 1})
            context.progress((step + 1) / self.steps, f"step {step}")
            if step == self.die_after and begin == 0:
                threading.Event().wait(0.3)  # until what was saved is on its way
                os.kill(os.getpid(), signal.SIGKILL)
        return self.Outputs(number=Number(value=self.steps - begin))


@node("toy_show")
class ToyShow(Node):
    """Report a figure and show an artifact after each of `steps`, then wait until a file is there, if one is named."""

    steps: int = 2
    gate: str = ""

    class Outputs(Ports):
        """The steps."""

        number: Number

    def run(self, context: CallContext) -> Outputs:
        for step in range(1, self.steps + 1):
            context.figures(step, {"loss": 1 / step})
            context.preview(context.artifacts.put_bytes(f"step {step}".encode()), f"after {step}", "audio", step=step)
        while self.gate and not Path(self.gate).exists():
            context.progress(0.5, "waiting at the gate")
            threading.Event().wait(0.01)
        return self.Outputs(number=Number(value=self.steps))
