"""SmolLM2-135M-Instruct writes narrations, one sentence at a time.

For each sentence several candidates are sampled side by side; those with a fault (quality.py) are thrown away, and the
best by the model's own likelihood and plain merit joins the text. Title and picture come last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from spinbot.engines.base import Progress
from spinbot.engines.script import prompt, quality
from spinbot.engines.script.answers import Answers
from spinbot.engines.script.base import Draft, Reply, ScriptEngine, Turn
from spinbot.engines.script.decode import Candidate, Decoder, Length
from spinbot.engines.script.grammar import Language
from spinbot.engines.script.llama import Llama
from spinbot.errors import InputError, ModelError

CHARACTERS_PER_SECOND = 15.0
"""Kokoro's clearest voice at its natural rate, within a sentence: 13.9 to 16.5 in 11 of 12 sentences tried. Words are a
poor measure, 2.0 to 3.5 a second."""
PAUSE_S = 0.35
"""Between two sentences."""
CHARACTERS_PER_SENTENCE = 85
MAX_TOPIC = 500
"""Characters."""
MIN_SECONDS, MAX_SECONDS = 4, 120
BRANCHES = 8
ENOUGH = 5
ROUNDS = 12
"""Times that a sentence is tried before the engine gives up."""
PATIENCE = 4
"""Tries after which a sentence may have a flaw of `quality.PARDONED`: nonsense has no topic to keep to."""
FORCED_BELOW = -7.0
"""Log-probability of a token that the model would not have written: it wanted a year and got `iliad`."""
PARAGRAPH = 5
"""Sentences before the model is asked for another paragraph: left alone it comes back to its first one."""


class SmolLm2Engine(ScriptEngine):
    """135 million parameters: fluent and on topic, but no source of facts."""

    name: ClassVar[str] = "smollm2"
    requires: ClassVar[tuple[str, ...]] = ("smollm2-135m-instruct",)

    _decoder: Decoder | None = None
    _cards: Any = None
    _answers: Answers | None = None
    _model: Llama | None = None
    _language: Language | None = None

    def load(self, progress: Progress) -> None:
        """Read the weights; the first time ever they are converted, which takes a minute. Raises `ModelError`."""
        import torch

        from spinbot.engines.script import grammar, weights
        from spinbot.engines.script.llama import Llama

        # Two threads gain nothing on matrices this small (3.5 s a draft for 3.6 s), and where another process wants the
        # cores they wait for each other: up to 80 s a draft.
        torch.set_num_threads(1)
        progress(0.0, "preparing the script model")
        folder = weights.derived(self.models(self.requires[0]))
        progress(0.4, "loading the script model")
        with torch.inference_mode():
            tensors, shape = weights.read(folder)
            model = Llama(tensors, shape, trunk=2048, branches=BRANCHES, steps=48, device=self.device)
            progress(0.7, "compiling the grammar")
            language = grammar.read(folder, self.threads)
            decoder = Decoder(model, language)
            decoder.begin()
            decoder.give(prompt.cards())
            self._cards = decoder.save()
        self._decoder = decoder
        self._answers = Answers(model, language)
        self._model, self._language = model, language

    def unload(self) -> None:
        """Drop the weights."""
        self._decoder = self._cards = self._answers = self._model = self._language = None

    @property
    def tokens(self) -> int:
        """Tokens sampled since `load`, over all candidates."""
        return self._decoder.tokens if self._decoder else 0

    @property
    def answers(self) -> Answers:
        """The same weights for other questions: how likely a text is, and answers held to a grammar."""
        assert self._answers, "load() comes first"
        return self._answers

    def write(self, topic: str, *, seconds: float, seed: int, progress: Progress) -> Draft:
        """See `ScriptEngine.write`. Raises `InputError` for a topic without a word or too long."""
        import torch

        topic = check(topic)
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise InputError(
                f"a narration of {seconds:g} s cannot be written",
                hint=f"ask for {MIN_SECONDS} to {MAX_SECONDS} s",
                code="bad_length",
            )
        assert self._decoder, "load() comes first"
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            sentences = self._narrate(self._decoder, topic, seconds, generator, progress)
            title, visual = self._card(self._decoder, topic, sentences, generator, progress)
        progress(1.0, "script written")
        return Draft(title=title, sentences=sentences, visual=visual)

    def chat(
        self,
        turns: Sequence[Turn],
        *,
        max_tokens: int,
        temperature: float,
        stop: Sequence[str],
        seed: int,
        hear: Callable[[str], None],
        progress: Progress,
    ) -> Reply:
        """See `ScriptEngine.chat`."""
        from spinbot.engines.script.chat import reply

        assert self._model, "load() comes first"
        assert self._language, "load() comes first"
        return reply(
            self._model,
            self._language,
            turns,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=stop,
            seed=seed,
            hear=hear,
            progress=progress,
        )

    def _narrate(self, decoder: Decoder, topic: str, seconds: float, generator: Any, progress: Progress) -> list[str]:
        """The sentences."""
        total = max(1, round(seconds * CHARACTERS_PER_SECOND / CHARACTERS_PER_SENTENCE))
        decoder.begin()
        decoder.give(prompt.narration(topic))
        schema = "sentence with figures" if re.search(r"\d", topic) else "sentence"
        sentences: list[str] = []
        while len(sentences) < total:
            number = len(sentences)
            length = wanted(sentences, total, seconds)
            report = stage(progress, number, total + 2, f"sentence {number + 1} of {total}")
            fresh = number % PARAGRAPH == 0
            for attempt in range(ROUNDS):
                if attempt == 2 and not fresh:
                    decoder.give(prompt.more(topic))
                candidates = decoder.sample(
                    schema,
                    length,
                    count=BRANCHES,
                    enough=ENOUGH,
                    temperature=min(1.0, 0.5 + 0.1 * attempt),
                    generator=generator,
                    on_step=report,
                )
                flaws = [(flaw_of(c, sentences, topic), c) for c in candidates]
                good = [c for flaw, c in flaws if not flaw or (attempt >= PATIENCE and flaw in quality.PARDONED)]
                if good:
                    break
            else:
                raise ModelError(
                    f"the script model found no sentence {number + 1} for this topic",
                    hint="try another seed, say the topic in other words, or give the narration yourself",
                    code="script_failed",
                )
            best = max(good, key=lambda c: c.score + 0.3 * c.end + quality.merit(c.text, topic=topic))
            sentences.append(best.text)
            decoder.take(best, prompt.more(topic) if len(sentences) % PARAGRAPH == 0 else "")
        return sentences

    def _card(
        self, decoder: Decoder, topic: str, sentences: list[str], generator: Any, progress: Progress
    ) -> tuple[str, str]:
        """Title and picture."""
        decoder.begin(self._cards)
        decoder.give(prompt.card(topic))
        values: list[Candidate] = []
        for schema, length in (("title", Length(3, 30, 60)), ("visual", Length(25, 50, 100))):
            candidates = decoder.sample(
                schema,
                length,
                count=BRANCHES,
                enough=ENOUGH,
                temperature=0.4,
                generator=generator,
                on_step=lambda step: progress(0.9, "title and picture"),
            )
            about = " ".join([topic, *sentences])
            values.append(max(candidates, key=lambda c: c.score + quality.aptness(c.text, about=about)))
            decoder.take(values[-1], prompt.PICTURE)
        return values[0].text, values[1].text


def check(topic: str) -> str:
    """The topic in plain characters. Raises `InputError` where there is nothing to write about."""
    if len(topic) > MAX_TOPIC:
        raise InputError(
            f"the topic has {len(topic):,} characters; the limit is {MAX_TOPIC}",
            hint="shorten it, or give the narration yourself",
            code="topic_too_long",
        )
    plain = prompt.plain(topic)
    if not re.search(r"[A-Za-z0-9]", plain):
        raise InputError(
            f"the topic {topic[:40]!r} has no word in Latin letters",
            hint='say in English what the narration is about, such as "how bees make honey"',
            code="empty_topic",
        )
    return plain


def flaw_of(candidate: Candidate, sentences: list[str], topic: str) -> str:
    """Why a candidate cannot be the next sentence; "" if it can."""
    flaw = quality.flaw(candidate.text, earlier=sentences, topic=topic)
    return flaw or (quality.FORCED if candidate.worst < FORCED_BELOW else "")


def spoken(sentences: list[str]) -> float:
    """Estimate of the seconds that sentences take to speak."""
    return sum(map(len, sentences)) / CHARACTERS_PER_SECOND + PAUSE_S * max(0, len(sentences) - 1)


def wanted(sentences: list[str], total: int, seconds: float) -> Length:
    """Length of the sentence after `sentences`, so that all `total` of them take `seconds`."""
    left = total - len(sentences)
    rest = (seconds - spoken(sentences) - PAUSE_S * (left - (not sentences))) * CHARACTERS_PER_SECOND
    each = rest / left
    # The last one makes the sum; the others may be off by more, since it does.
    slack = 0.4 * each if left > 1 else 0.15 * seconds * CHARACTERS_PER_SECOND
    return Length(
        least=max(20, round(each - slack)),
        wanted=max(30, round(each)),
        most=min(quality.MAX_CHARACTERS, max(40, round(each + slack))),
    )


def stage(progress: Progress, number: int, total: int, message: str) -> Callable[[int], None]:
    """A callback for the steps of one stage; a sentence takes some 24 tokens."""
    return lambda step: progress(min(1.0, (number + min(step / 24, 1.0)) / total), message)
