"""What colour a language model thinks a word is: for words that captions never use.

SmolLM2 reads two examples of each colour ("emerald: green") out of the words of training, and then "azure:"; what it
says next, over the thirteen names, becomes part of the token's vector. When a quarter of the phrases was held out, the
mean of five prompts found 61 % of those 28, or 36 % if the examples were single words only ("sky blue: blue" shows what
is asked); ridge regression on the input embeddings found 20 %. Garments gained nothing this way.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from spinbot.disk import whole_file
from spinbot.engines.image.drawn.look import COLOURS
from spinbot.engines.script import weights
from spinbot.engines.script.llama import Llama
from spinbot.starter import crew, lexicon
from spinbot.starter.recipe import SEED
from spinbot.starter.work import Work

EXAMPLES = 2
"""Of each colour in a prompt."""
TOGETHER = 64
"""Words the model reads side by side."""
LONGEST = 8
"""Pieces of a word and its colon; longer ones stay unknown."""
TRUNK = 512
"""Tokens the examples may take; they take some 140."""


def colours(work: Work, vocabulary: list[str], source: Path, processes: int) -> Any:
    """For each word the model's opinion on each colour, centred: (words, 13). One prompt after the other is kept."""
    import torch

    prompts = work.recipe.prompts
    with whole_file(work.path("vocabulary.json")) as part:
        part.write_text(json.dumps(vocabulary))
    if prompts:
        crew.run(processes, _ask, work, source, processes)
    total, counted = torch.zeros(len(vocabulary), len(COLOURS)), torch.zeros(len(vocabulary), 1)
    for number in range(prompts):
        scores = (work.load(f"knowledge-{number}") or {})["scores"]
        told = {word for word, _ in _examples(number)}
        # A word of the examples would only be read off them.
        asked = torch.tensor([word not in told for word in vocabulary]) & scores.isfinite().all(1)
        total[asked] += scores[asked] - scores[asked].mean(0)
        counted[asked] += 1
    return total / counted.clamp(min=1)


def _examples(number: int) -> list[tuple[str, str]]:
    """Words and their colours for a prompt, in random order."""
    rng = random.Random(SEED + number)
    chosen = []
    for value in COLOURS:
        words = [word for word in lexicon.trained_on()["colour"][value] if word != value]
        chosen += [(word, value) for word in rng.sample(words, min(EXAMPLES, len(words)))]
    rng.shuffle(chosen)
    return chosen


def _ask(rank: int, work: Work, source: Path, processes: int) -> None:
    import torch
    from tokenizers import Tokenizer

    torch.set_num_threads(1)
    speaker = Tokenizer.from_file(str(source / "tokenizer.json"))
    vocabulary = json.loads(work.path("vocabulary.json").read_text())
    pieces = [speaker.encode(f"{word}:", add_special_tokens=False).ids for word in vocabulary]
    names = [speaker.encode(f" {value}", add_special_tokens=False).ids[0] for value in COLOURS]
    tensors, shape = weights.read(source)
    model = Llama(tensors, shape, trunk=TRUNK, branches=TOGETHER, steps=LONGEST, device="cpu")
    by_length: dict[int, list[int]] = defaultdict(list)
    for i, ids in enumerate(pieces):
        if len(ids) <= LONGEST:
            by_length[len(ids)].append(i)
    for number in range(rank, work.recipe.prompts, processes):
        if work.path(f"knowledge-{number}.pt").exists():
            continue
        text = "".join(f"{word}: {value}\n" for word, value in _examples(number))
        model.cut(0)
        model.extend(speaker.encode(text, add_special_tokens=False).ids)
        scores = torch.full((len(vocabulary), len(COLOURS)), torch.nan)
        with torch.no_grad():
            for length, members in by_length.items():
                for at in range(0, len(members), TOGETHER):
                    batch = members[at : at + TOGETHER]
                    model.drop_branches()
                    for step in range(length):
                        logits = model.step([pieces[i][step] for i in batch])
                    scores[batch] = logits[:, names].log_softmax(-1)
        work.save(f"knowledge-{number}", {"scores": scores})
        work.say("words", f"the language model has read prompt {number + 1} of {work.recipe.prompts}")
