"""Conversation with the language model that writes the scripts."""

from __future__ import annotations

import time
from typing import Annotated, cast

from pydantic import Field

from spinbot.actors.host import CallContext
from spinbot.engines.script.base import ScriptEngine, Turn
from spinbot.graphs import values
from spinbot.graphs.node import Node, Ports, node

SHOW_EVERY_S = 0.1


@node("chat", slots=("script",))
class Chat(Node):
    """Answer the last message of a conversation; the answer is shown piece by piece while it is written."""

    messages: list[Turn] = Field(min_length=1, max_length=1000, description="The conversation so far: role and content")
    max_tokens: int = Field(default=512, ge=1, le=4096, description="Most tokens of the answer; one is some 4 letters")
    temperature: float = Field(default=0.7, ge=0, le=2, description="0: always the likeliest word; 2: wild")
    stop: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default=[], max_length=4, description="Texts before which the answer ends"
    )
    seed: int = Field(default=0, ge=0, description="The same seed gives the same answer")

    class Outputs(Ports):
        """The answer."""

        message: values.Message

    def run(self, context: CallContext) -> Outputs:
        """Converse. Raises `InputError` where the conversation is too long."""
        pieces: list[str] = []
        shown = 0.0

        def hear(text: str) -> None:
            nonlocal shown
            pieces.append(text)
            if time.monotonic() - shown >= SHOW_EVERY_S:
                shown = time.monotonic()
                context.partial("".join(pieces))
                pieces.clear()

        with context.engine("script") as engine:
            reply = cast(ScriptEngine, engine).chat(
                self.messages,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                stop=self.stop,
                seed=self.seed,
                hear=hear,
                progress=context.progress,
            )
        if pieces:
            context.partial("".join(pieces))
        message = values.Message(
            text=reply.text,
            finish=reply.finish,
            prompt_tokens=reply.asked,
            tokens=reply.tokens,
            made_by=[values.Stamp(**context.stamp("script"))],
        )
        return self.Outputs(message=message)
