"""Sampling: several candidates for one value at a time, each held to its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spinbot.engines.script.grammar import Language
from spinbot.engines.script.llama import Llama

TOP_P = 0.9
"""Share of the probability that is sampled from: the tail of a small model is noise."""
TOP_K = 64
PULL = 0.07
"""Added to the logits of end marks for each character beyond the length that is wanted; 0.4 for a word."""


PRICE = re.compile(r"[$][0-9,]+$")


@dataclass(frozen=True)
class Length:
    """How many characters a value has."""

    least: int
    wanted: int
    most: int


@dataclass(frozen=True)
class Candidate:
    """One finished value.

    `score` is its mean log-probability per token, untouched by grammar and temperature; `end` that of its last token
    alone, low where the sentence would rather go on; `worst` the least of all, low where the grammar forced a token.
    """

    text: str
    score: float
    end: float
    worst: float
    branch: int
    tokens: int

    @staticmethod
    def of(text: str, scores: list[float], branch: int) -> Candidate:
        """From the log-probabilities of its tokens."""
        return Candidate(text, sum(scores) / len(scores), scores[-1], min(scores), branch, len(scores))


class Decoder:
    """A model, its language and the text so far."""

    def __init__(self, model: Llama, language: Language) -> None:
        self._model = model
        self._language = language
        self._logits: Any = None
        self.tokens = 0
        """Tokens sampled since the start, over all branches."""

    def begin(self, saved: Any = None) -> None:
        """Start an empty text, or the text that was saved; `give` must follow."""
        self._model.cut(0)
        if saved is not None:
            self._model.restore(saved)

    def save(self) -> Any:
        """The text so far, for `begin`."""
        return self._model.save()

    def give(self, text: str) -> None:
        """Append text that is not the model's to choose."""
        self._logits = self._model.extend(self._language.encode(text))

    def take(self, candidate: Candidate, rest: str) -> None:
        """Append a candidate of the last `sample` and the text after it."""
        # Its last token is the end mark, which never went through the model: it comes with what follows.
        self._model.graft(candidate.branch, candidate.tokens - 1)
        mark = candidate.text[-1] if candidate.text[-1] in ".!" else ""
        self.give(mark + rest)

    def sample(
        self,
        schema: str,
        length: Length,
        *,
        count: int,
        enough: int,
        temperature: float,
        generator: Any,
        on_step: Callable[[int], None],
    ) -> list[Candidate]:
        """Values that may follow the text so far: `count` are begun, and the first `enough` to finish are given.

        `on_step(tokens so far)` is called before each step and may raise.
        """
        import xgrammar

        model, language = self._model, self._language
        model.drop_branches()
        matchers = [language.matcher(schema) for _ in range(count)]
        written: list[list[int]] = [[] for _ in range(count)]
        scores: list[list[float]] = [[] for _ in range(count)]
        alive = list(range(count))
        done: list[Candidate] = []
        bitmask = xgrammar.allocate_token_bitmask(count, language.vocabulary)
        logits = self._logits.repeat(count, 1)
        while True:
            on_step(model.steps)
            logits = logits.float().cpu()
            if schema in language.ends:
                logits[:, language.quote] = logits[:, language.ends[schema]]
            log_probs = logits.log_softmax(-1)
            for branch in alive:
                matchers[branch].fill_next_token_bitmask(bitmask, branch)
            xgrammar.apply_token_bitmask_inplace(logits, bitmask)
            for branch in alive:
                text = language.decode(written[branch])
                size = len(text)
                if PRICE.search(text):
                    continue  # the point may be that of its cents
                if size < length.least:
                    logits[branch, language.enders] = float("-inf")
                elif size > length.wanted:
                    logits[branch, language.enders] += PULL * (size - length.wanted)
            chosen = draw(logits, temperature, generator)
            self.tokens += len(alive)
            for branch in list(alive):
                matcher, token = matchers[branch], chosen[branch]
                assert matcher.accept_token(token), "the mask allows what the grammar accepts"
                written[branch].append(token)
                scores[branch].append(float(log_probs[branch, token]))
                text = language.decode(written[branch])
                if matcher.is_terminated() or matcher.find_jump_forward_string() == '"':
                    alive.remove(branch)
                    value = json.loads(f'"{text.rstrip(chr(34))}"').strip()
                    if length.least <= len(value) <= length.most:
                        done.append(Candidate.of(value, scores[branch], branch))
                elif len(text) > length.most:
                    alive.remove(branch)
            if not alive or len(done) >= enough or model.steps >= model.branch_room:
                return done
            logits = model.step(chosen)


def draw(logits: Any, temperature: float, generator: Any) -> list[int]:
    """One token for each row of logits (n, vocabulary), by temperature and nucleus."""
    import torch

    top, tokens = (logits / temperature).topk(TOP_K)
    share = top.softmax(-1).nan_to_num(1.0)  # a row with nothing allowed belongs to a finished branch
    share = share.masked_fill(share.cumsum(-1) - share > TOP_P, 0)
    return list(tokens.gather(1, torch.multinomial(share, 1, generator=generator))[:, 0].tolist())
