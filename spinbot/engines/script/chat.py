"""Conversation: what the model itself would say next, token by token, without a grammar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from spinbot.engines.base import Progress
from spinbot.engines.script import prompt
from spinbot.engines.script.base import Reply, Turn
from spinbot.engines.script.decode import draw
from spinbot.engines.script.grammar import Language
from spinbot.engines.script.llama import Llama
from spinbot.errors import InputError

ENDS = ("<|im_end|>", "<|endoftext|>")
UNFINISHED = "\ufffd"
"""How a character reads while some of its bytes are missing."""


def reply(
    model: Llama,
    language: Language,
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
    import torch

    asked = language.encode(prompt.conversation(turns))
    if len(asked) >= model.room:
        raise InputError(
            f"the conversation has {len(asked)} tokens; the script model takes {model.room - 1}",
            hint="leave out the oldest messages",
            code="context_length_exceeded",
        )
    most = min(max_tokens, model.room - len(asked))
    generator = torch.Generator().manual_seed(seed)
    ends = {language.tokenizer.token_to_id(end) for end in ENDS}
    held = max((len(text) for text in stop), default=1) - 1  # characters that may be the beginning of a stop text
    written: list[int] = []
    said, text = 0, ""
    finish = "length"
    with torch.inference_mode():
        model.cut(0)
        logits = model.extend(asked)
        for count in range(most):
            progress(count / most, "answering")
            token = _choose(logits, temperature, generator)
            if token in ends:
                finish = "stop"
                break
            written.append(token)
            text = language.decode(written)
            if places := [place for end in stop if (place := text.find(end)) >= 0]:
                text, finish = text[: min(places)], "stop"
                break
            if len(safe := text.rstrip(UNFINISHED)) - held > said:
                hear(safe[said : len(safe) - held])
                said = len(safe) - held
            if count + 1 < most:
                logits = model.extend([token])
    if text[said:]:
        hear(text[said:])
    return Reply(text=text, finish="stop" if finish == "stop" else "length", asked=len(asked), tokens=len(written))


def _choose(logits: Any, temperature: float, generator: Any) -> int:
    row = logits.float().cpu()[None]
    return int(row.argmax()) if temperature == 0 else draw(row, temperature, generator)[0]
