"""Answers to questions other than a narration: how likely a text is behind another, and text held to a grammar.

Both are exact and draw no random numbers: the same question has the same answer.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from spinbot.engines.script.grammar import Language
from spinbot.engines.script.llama import Llama
from spinbot.errors import InputError, ModelError

KEPT = 8
"""Contexts whose keys and values stay in memory, 45 KB a token: a context of examples takes a second to read."""
LONGEST = 256
"""Tokens of an answer."""


class Answers:
    """A model and its language. Not for several threads at once, nor while a narration is being written."""

    def __init__(self, model: Llama, language: Language) -> None:
        self._model = model
        self._language = language
        self._contexts: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def likelihood(self, context: str, text: str) -> float:
        """Log-probability of `text` behind `context`, which is not empty, over all its tokens.

        Raises `InputError` where they are too long.
        """
        import torch

        with torch.inference_mode():
            tokens = self._language.encode(text)
            logits = self._begin(context, len(tokens))
            if not tokens:
                return 0.0
            # What follows the last token is not asked, so it need not go through the model.
            behind = [logits[None], self._model.extend_each(tokens[:-1])] if len(tokens) > 1 else [logits[None]]
            scores = torch.cat(behind).float().log_softmax(-1).cpu()
            return float(scores.gather(1, torch.tensor(tokens)[:, None]).sum())

    def fill(self, context: str, request: str, grammar: str) -> str:
        """What the model finds likeliest, token by token, behind `context` and `request` within a grammar in EBNF.

        The context is not empty, and kept for the next question: what stays the same belongs there. Raises
        `InputError` where all of it is too long, `ModelError` where the answer does not end.
        """
        import torch
        import xgrammar

        model, language = self._model, self._language
        matcher = language.matcher_of(grammar)
        bitmask = xgrammar.allocate_token_bitmask(1, language.vocabulary)
        text, chosen = "", list[int]()
        with torch.inference_mode():
            tokens = language.encode(request)
            logits = self._begin(context, len(tokens) + LONGEST)
            if tokens:
                logits = model.extend(tokens)
            for _ in range(LONGEST):
                if forced := _forced(matcher):
                    matcher.accept_string(forced)
                    text, chosen = text + language.decode(chosen) + forced, []
                    more = language.encode(forced)
                else:
                    masked = logits.float().cpu()[None]
                    matcher.fill_next_token_bitmask(bitmask)
                    xgrammar.apply_token_bitmask_inplace(masked, bitmask)
                    more = [int(masked.argmax())]
                    matcher.accept_token(more[0])
                    chosen += more
                if matcher.is_terminated():
                    return text + language.decode(chosen)
                if len(more) > model.room - model.length:
                    break
                logits = model.extend(more)
        raise ModelError(
            "the script model's answer has no end",
            hint="ask in fewer words",
            code="answer_too_long",
        )

    def _begin(self, context: str, more: int) -> Any:
        """Make `context` the trunk; gives the logits behind it. Raises `InputError` where `more` tokens do not fit."""
        model = self._model
        kept = self._contexts.pop(context, None)
        if kept is None:
            tokens = self._language.encode(context)
            if len(tokens) + more <= model.room:
                model.cut(0)
                kept = model.extend(tokens), model.save()
        if kept is None or kept[1].shape[3] + more > model.room:
            raise InputError(
                f"the question is too long for the script model: it takes {model.room} tokens",
                hint="shorten it",
                code="question_too_long",
            )
        self._contexts[context] = kept
        while len(self._contexts) > KEPT:
            self._contexts.popitem(last=False)
        model.cut(0)
        model.restore(kept[1])
        return kept[0]


def _forced(matcher: Any) -> str:
    """What must follow in any case; "" within a character of which only some bytes are there."""
    try:
        return str(matcher.find_jump_forward_string())
    except UnicodeDecodeError:
        return ""
