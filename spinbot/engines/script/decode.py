"""Sampling: several candidates for one JSON value at a time, each held to its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spinbot.engines.script.grammar import Language
from spinbot.engines.script.llama import Llama

TOP_P = 0.9
"""Share of the probability that is sampled from: the tail of a small model is noise."""


@dataclass(frozen=True)
class Candidate:
    """One finished value. `score` is its mean log-probability per token under the grammar, before temperature."""

    text: str
    score: float
    branch: int
    tokens: int


class Decoder:
    """A model, its language and the text so far."""

    def __init__(self, model: Llama, language: Language) -> None:
        self._model = model
        self._language = language
        self._logits: Any = None
        self.tokens = 0
        """Tokens sampled since the start, over all branches."""

    @property
    def length(self) -> int:
        """Tokens of the text so far; `cut` goes back to it."""
        return self._model.length

    def give(self, text: str) -> None:
        """Append text that is not the model's to choose."""
        self._logits = self._model.extend(self._language.encode(text))

    def cut(self, length: int) -> None:
        """Go back to an earlier length; `give` must follow."""
        self._model.cut(length)

    def sample(
        self,
        schema: str,
        *,
        count: int,
        least: int,
        most: int,
        temperature: float,
        generator: Any,
        on_token: Callable[[int], None],
    ) -> list[Candidate]:
        """Up to `count` values of `least` to `most` words that follow the text so far; unfinished ones are left out.

        `on_token(step)` is called after each step and may raise.
        """
        import torch
        import xgrammar

        model, language = self._model, self._language
        model.drop_branches()
        matchers = [language.matcher(schema) for _ in range(count)]
        written: list[list[int]] = [[] for _ in range(count)]
        scores = [0.0] * count
        alive = set(range(count))
        done: list[Candidate] = []
        bitmask = xgrammar.allocate_token_bitmask(count, language.vocabulary)
        logits = self._logits.repeat(count, 1)
        while True:
            for branch in alive:
                matchers[branch].fill_next_token_bitmask(bitmask, branch)
            logits = logits.float().cpu()
            xgrammar.apply_token_bitmask_inplace(logits, bitmask)
            texts = [language.tokenizer.decode(tokens) for tokens in written]
            for branch in alive:
                if len(texts[branch].split()) < least:
                    logits[branch].masked_fill_(language.enders, float("-inf"))
            chosen, log_probs = draw(logits, temperature, generator)
            for branch in sorted(alive):
                token = chosen[branch]
                assert matchers[branch].accept_token(token), "the mask allows what the grammar accepts"
                written[branch].append(token)
                scores[branch] += log_probs[branch]
                if matchers[branch].is_terminated() or matchers[branch].find_jump_forward_string() == '"':
                    alive.discard(branch)
                    text = json.loads('"' + language.tokenizer.decode(written[branch]).rstrip('"') + '"')
                    size = len(written[branch])
                    if len(text.split()) <= most:
                        done.append(Candidate(text, scores[branch] / size, branch, size))
                elif len(texts[branch].split()) > most + 1:
                    alive.discard(branch)
            self.tokens += count
            on_token(model.steps)
            if not alive or model.steps >= model.branch_room:
                return done
            logits = model.step(chosen)

    def take(self, candidate: Candidate, rest: str) -> None:
        """Append a candidate of the last `sample` and the text after it. `rest` starts with its closing quote."""
        # The last token holds the end mark, perhaps with the quote; it is written anew together with what follows.
        self._model.graft(candidate.branch, candidate.tokens - 1)
        mark = candidate.text[-1] if candidate.text[-1] in ".!" else ""
        self.give(mark + rest)


def draw(logits: Any, temperature: float, generator: Any) -> tuple[list[int], list[float]]:
    """One token for each row of logits (n, vocabulary), by temperature and nucleus; and its log-probability at 1."""
    import torch

    log_probs = logits.log_softmax(-1)
    top, ids = (log_probs / temperature).topk(64)  # the nucleus of a masked row is a few dozen tokens
    share = top.softmax(-1)
    share = share.masked_fill(share.cumsum(-1) - share > TOP_P, 0)
    picks = torch.multinomial(share.nan_to_num(0).clamp(min=1e-12), 1, generator=generator)
    chosen = ids.gather(1, picks)
    return chosen[:, 0].tolist(), log_probs.gather(1, chosen)[:, 0].tolist()
