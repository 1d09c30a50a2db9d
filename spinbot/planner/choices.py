"""What the language model decides: which template, where the topic begins and ends, which of several voices.

A small model is a poor judge when it is asked for a label, and a fair one when it is asked how likely a text is. So
for a template it is asked how likely the request is among requests of that kind (a noisy channel, arXiv:2108.04106),
and for a voice how much likelier its description becomes by what was asked. The topic it copies out of the request,
held by a grammar to the request's own words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from spinbot.engines.script.prompt import ask, turn
from spinbot.planner.grammar import Choice, plan_grammar
from spinbot.planner.manifest import VoiceEntry

LONGEST = 600
"""Characters of a request that are weighed: the first sentences say what kind it is."""


class Llm(Protocol):
    """What the planner asks of a language model; `spinbot.engines.script.answers.Answers` gives it."""

    def likelihood(self, context: str, text: str) -> float:
        """Log-probability of `text` behind `context`."""
        ...

    def fill(self, context: str, request: str, grammar: str) -> str:
        """The likeliest text behind `context` and `request` within a grammar in EBNF."""
        ...


PLAIN = "talking_portrait"
_REQUESTS: dict[str, tuple[str, tuple[str, ...]]] = {
    PLAIN: (
        "Requests for a video in which one person talks about one thing:",
        (
            "please make a video about how rain forms",
            "Why do owls hunt at night?",
            "invite everyone to our summer party",
            "a clip on the history of chess",
            "tell the class that the trip is on monday",
            "a video greeting for my uncle",
            "the secret of good pasta",
            "sell our new shoes to young people",
            "explain to children what a volcano is",
            "somebody who presents the rules of our gym",
        ),
    ),
    "scenes": (
        "Requests for a video with several scenes, one after another:",
        (
            "three scenes: the farm, the market, the kitchen",
            "begin with the seed, then the plant, at last the fruit",
            "part 1: what atoms are. part 2: what they are made of",
            "two scenes about cats and dogs",
            "first the bride, next the groom, finally the cake",
            "1) the shop 2) the workshop 3) the team",
            "start with the question, then give the answer",
            "a video in two parts: the war and the peace",
            "first explain the plan, then tell them the price",
            "- the mountain - the river - the sea",
        ),
    ),
    "voice_over": (
        "Requests for a sound recording without any picture:",
        (
            "only the sound, no video: how rain forms",
            "a voice message for my answering machine",
            "record yourself reading this so that I can play it on the radio",
            "an audio track on the history of chess",
            "I want to listen to a talk about horses",
            "the announcement for the loudspeakers at the station",
            "a spoken greeting for my uncle's phone",
            "an audio book about pasta",
            "a story to hear before going to sleep",
            "say it as a podcast",
        ),
    ),
}
"""Examples of requests by template, as alike as they can be but for what tells the templates apart. One that has none
here is not offered to the model."""
_PRIORS = {"scenes": math.log(7), "voice_over": math.log(1 / 20)}
"""Log-odds against the plain template, each among the prompts to which it is offered: those that look like scenes,
those that speak of sound. Tuned on 50 requests that are in no benchmark."""

_TOPICS = (
    ("please make a video about how rain forms", "how rain forms"),
    ("I would like a clip on the history of chess", "the history of chess"),
    ("invite everyone to our summer party next week", "invite everyone to our summer party next week"),
    ("Why do owls hunt at night?", "Why do owls hunt at night?"),
    ("Can you explain to children what a volcano is", "what a volcano is"),
)
"""Requests whose options are struck out, and their topics."""


def choose_template(llm: Llm, request: str, offered: Sequence[str]) -> dict[str, float]:
    """Log-odds of each offered template against the likeliest of the others; the best has the only positive one."""
    shown = request[:LONGEST]
    scores = {}
    for name in offered:
        title, examples = _REQUESTS[name]
        context = f"{title}\n" + "".join(f"- {example}\n" for example in examples) + "-"
        scores[name] = llm.likelihood(context, f" {shown}\n") + _PRIORS.get(name, 0.0)
    return {
        name: score - max((other for rival, other in scores.items() if rival != name), default=-math.inf)
        for name, score in scores.items()
    }


def offers(names: Sequence[str]) -> list[str]:
    """Those of the templates that the model can tell apart."""
    return [name for name in names if name in _REQUESTS]


def choose_voice(llm: Llm, words: str, voices: Sequence[VoiceEntry]) -> VoiceEntry:
    """The voice whose description gains most by what was asked for."""

    def gain(voice: VoiceEntry) -> float:
        asked = llm.likelihood(f"They asked for {words}, and so the voice is", f" {voice.description}")
        return asked - llm.likelihood("The voice is", f" {voice.description}")

    return max(voices, key=gain)


def fill_plan(llm: Llm, request: str, fields: Mapping[str, Choice]) -> dict[str, Any]:
    """A plan in which the model has chosen what `fields` leave open; the topic stands first."""
    context = turn("system", "You find the topic in requests for videos and copy it.") + "".join(
        f"{ask(example)}{json.dumps({'topic': topic})}<|im_end|>\n" for example, topic in _TOPICS
    )
    plan: dict[str, Any] = json.loads(llm.fill(context, ask(request[: 2 * LONGEST]), plan_grammar(fields)))
    return plan
