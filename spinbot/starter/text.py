"""Stage 5: the text encoder learns to read captions, before any picture: hidden states -> attributes of the look.

A UNet that starts with an untrained text encoder had a loss of .616 instead of .502 at the noisiest steps after 42
updates.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

from spinbot.engines.image.drawn.look import VALUES, Look
from spinbot.starter import pictures, words
from spinbot.starter.captions import Caption, caption
from spinbot.starter.lexicon import length_of
from spinbot.starter.muon import Optimiser
from spinbot.starter.recipe import MAX_TOKENS, SEED
from spinbot.starter.training import train, trained
from spinbot.starter.work import Work

ATTRIBUTES: dict[str, tuple[str, ...]] = {**VALUES, "length": ("none", "short", "medium", "long", "up")}
COLOURED = ("hair_colour", "hat_colour", "clothes_colour", "background")
ASKED = 256
"""Captions of each kind that the encoder is measured on."""
BLUR = 0.5
"""Length of the noise on a word's vector of length one: near words must come to mean the same."""


def network(work: Work) -> Any:
    """A new CLIPTextModel of the recipe's size for the tokenizer of stage 2."""
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = words.tokenizer_of(work)
    width = work.recipe.text_width
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=width,
                intermediate_size=4 * width,
                num_hidden_layers=work.recipe.text_layers,
                num_attention_heads=4,
                max_position_embeddings=MAX_TOKENS,
                projection_dim=width,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )


def vector(look: Look) -> list[int]:
    """The attributes of a look as numbers of `ATTRIBUTES`."""
    values = vars(look) | {"length": length_of(look)}
    return [names.index(values[attribute]) for attribute, names in ATTRIBUTES.items()]


def mask(written: Caption) -> list[bool]:
    """Which attributes a caption tells."""
    return [attribute in written.said for attribute in ATTRIBUTES]


class Reading:
    """Stage 5. The table of token vectors is one linear map of what SmolLM2 knows, until it is baked in."""

    stage = "text"
    batch = 32
    ema = 0.99

    def __init__(self, work: Work) -> None:
        from safetensors.torch import load_file

        self.work = work
        self.seconds = work.recipe.text_seconds
        self.features = load_file(work.path("words.safetensors"))["features"]
        self.tokenizer = words.tokenizer_of(work)
        looks = pictures.looks(work.folder)
        self.looks, self.held_out = looks[: -work.recipe.held_out], looks[-work.recipe.held_out :]

    def module(self) -> Any:
        """See `Lesson`."""
        import torch

        text = network(self.work)
        width = text.config.hidden_size
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            text.embeddings.token_embedding = _known_words(self.features, width)
            heads = {name: torch.nn.Linear(width, len(values)) for name, values in ATTRIBUTES.items()}
            asks = torch.nn.Linear(width, len(ATTRIBUTES))
            return torch.nn.ModuleDict({"text": text, "asks": asks, "heads": torch.nn.ModuleDict(heads)})

    def optimiser(self, module: Any) -> Optimiser:
        """See `Lesson`."""
        layers = [p for p in module["text"].encoder.parameters() if p.ndim > 1]
        chosen = {id(parameter) for parameter in layers}
        others = [parameter for parameter in module.parameters() if id(parameter) not in chosen]
        return Optimiser(layers, 2e-3, [(others, 2e-3)])

    def rate(self, share: float) -> float:
        """See `Lesson`."""
        return min(1.0, 50 * share + 0.02) * (0.5 + 0.5 * math.cos(math.pi * share))

    def loss(self, module: Any, rng: Random, share: float) -> Any:
        """See `Lesson`."""
        looks = [rng.choice(self.looks) for _ in range(self.batch)]
        captions = [caption(look, rng) for look in looks]
        module.train()
        return self._answers(module, captions, looks)[0]

    def measure(self, module: Any) -> dict[str, float]:
        """Share of what captions tell that is read rightly, in words of training and in held-out words."""
        import torch

        figures = {}
        for name, unseen in (("seen", False), ("unseen", True)):
            rng = Random(SEED)
            looks = [self.held_out[i % len(self.held_out)] for i in range(ASKED)]
            with torch.no_grad():
                _, right, told = self._answers(
                    module.eval(), [caption(look, rng, unseen=unseen) for look in looks], looks
                )
            shares = {
                attribute: float(right[:, i].sum() / told[:, i].sum().clamp(min=1))
                for i, attribute in enumerate(ATTRIBUTES)
            }
            figures[name] = float(right.sum() / told.sum())
            figures[f"{name}_colours"] = sum(shares[attribute] for attribute in COLOURED) / len(COLOURED)
            worst = min(shares, key=lambda attribute: shares[attribute])
            figures[f"{name}_worst_{worst}"] = shares[worst]
        return figures

    def _answers(self, module: Any, captions: list[Caption], looks: list[Look]) -> tuple[Any, Any, Any]:
        """Loss; which answers are right and which were told, both (n, attributes)."""
        import torch

        ids = words.encode(self.tokenizer, [written.text for written in captions])
        states = module["text"](input_ids=ids).last_hidden_state
        # Each attribute looks for its word, as the UNet's cross-attention will: (n, attributes, width).
        found = module["asks"](states).softmax(1).transpose(1, 2) @ states
        truth = torch.tensor([vector(look) for look in looks])
        told = torch.tensor([mask(written) for written in captions])
        loss, right = torch.zeros(()), torch.zeros_like(told)
        for i, head in enumerate(module["heads"].values()):
            scores = head(found[:, i])
            each = torch.nn.functional.cross_entropy(scores, truth[:, i], reduction="none")
            loss = loss + (each * told[:, i]).sum() / told[:, i].sum().clamp(min=1)
            right[:, i] = (scores.argmax(1) == truth[:, i]) & told[:, i]
        return loss / len(ATTRIBUTES), right, told


def _known_words(features: Any, width: int) -> Any:
    """An embedding made from features (n, 589); the last two tokens have vectors of their own."""
    import torch

    class KnownWords(torch.nn.Module):  # type: ignore[misc]  # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("features", features)
            self.project = torch.nn.Linear(features.size(1), width, bias=False)
            torch.nn.init.normal_(self.project.weight, std=0.2)
            self.ends = torch.nn.Parameter(torch.randn(2, width) * 0.05)

        def forward(self, ids: Any) -> Any:
            known = self.features[ids]
            if self.training:
                known = known + torch.randn_like(known) * (BLUR / known.size(-1) ** 0.5)
            end = ids - (len(self.features) - 2)
            return torch.where((end >= 0)[..., None], self.ends[end.clamp(min=0)], self.project(known))

        def table(self) -> Any:
            """All token vectors, (n, width)."""
            return self.forward(torch.arange(len(self.features)))

    return KnownWords()


def make(work: Work, processes: int) -> None:
    """The stage."""
    work.require("text", ("pictures", "words"))
    train(Reading, work, processes)


def encoder(work: Work) -> Any:
    """The text encoder that the stage has left, as an ordinary CLIPTextModel."""
    import torch

    learned = trained(Reading, work)["text"]
    plain = network(work)
    with torch.no_grad():
        table = learned.embeddings.token_embedding.table()
        rest = {name: tensor for name, tensor in learned.state_dict().items() if "token_embedding" not in name}
        plain.load_state_dict(rest | {"embeddings.token_embedding.weight": table})
    return plain
