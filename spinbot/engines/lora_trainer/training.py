"""One training from its first step, or from a checkpoint, to its end."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spinbot.engines import checkpoint
from spinbot.engines.chance import noise
from spinbot.engines.curve import live
from spinbot.engines.image.buckets import Size, fitted, nearest, sizes
from spinbot.engines.image.pipeline import paint
from spinbot.engines.lora_trainer.base import Base, Example, Pixels, Trained, Version, Watch
from spinbot.engines.lora_trainer.batches import Taken, batches
from spinbot.engines.lora_trainer.cached import Cached, Shown
from spinbot.engines.lora_trainer.captions import learned, names, others, samples
from spinbot.engines.lora_trainer.denoisers.base import Noising
from spinbot.engines.lora_trainer.denoisers.pipelines import denoiser_of
from spinbot.engines.lora_trainer.files import header_of, layers_of, write_diffusers, write_kohya
from spinbot.engines.lora_trainer.optimisers import current_rate, learning_rate, optimiser_of, rate
from spinbot.engines.lora_trainer.score import Likeness
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.errors import InputError, NodeError

ADAPTER = "look"
LIKENED = 64
"""Pictures, at least, whose features samples are compared with: the mean of some 100 is that of 500."""
PREPARED = 0.1
"""Share of the progress that is told for what comes before the first step."""


class Training:
    """A LoRA on a pipeline's network; `close` takes it out again."""

    def __init__(
        self,
        pipe: Any,
        base: Base,
        examples: Sequence[Example],
        settings: LookSettings,
        folder: Path,
        watch: Watch,
    ) -> None:
        """Raises `InputError` for a pipeline or layers that cannot be trained."""
        self._pipe, self._base, self._settings = pipe, base, settings
        self._folder, self._watch = folder, watch
        self._denoiser = denoiser_of(pipe)
        self._network = self._denoiser.network
        self._side = settings.resolution or self._denoiser.side
        step = math.lcm(self._denoiser.multiple, min(settings.bucket_step, self._side))
        self._buckets = sizes(self._side, step)
        self._examples = examples
        self._captions = [learned(one.caption, settings) for one in examples]
        self._losses: list[tuple[int, float]] = []
        self._versions: list[Version] = []
        self._step = 0
        self._rate = learning_rate(self._network, settings)
        self._add_lora()

    def run(self, resume: Path | None) -> Trained:
        """See `LookTrainer.train`."""
        settings = self._settings
        count = round(settings.batch_size * settings.prior_share)
        others_shown = self._draw_others() if count else []
        likeness = Likeness(self._denoiser)
        main = self._cache(self._read(likeness), len(self._examples), names(settings))
        prior = self._cache(others_shown, len(others_shown), []) if others_shown else None
        likeness.begin(self._samples() + self._samples_of_others())
        self._optimiser = optimiser_of(list(self._weights.values()), settings, self._rate)
        if resume is not None:
            self._resume(resume)
        self._network.enable_adapters()
        if settings.gradient_checkpointing:
            self._network.enable_gradient_checkpointing()
        per_step = settings.gradient_accumulation_steps
        main_batches = self._batches(main, settings.batch_size, "learned", settings.name_only_rate)
        prior_batches = self._batches(prior, count, "prior", 0.0) if prior else None
        saved = time.monotonic()
        while self._step < settings.max_train_steps and not self._no_better():
            loss = self._learn(main, main_batches, prior, prior_batches)
            self._step += 1
            self._losses.append((self._step, loss / per_step))
            if (mean := live(self._losses, settings.max_train_steps)) is not None:
                self._watch.figures(self._step, {"loss": mean, "learning_rate": current_rate(self._optimiser)})
            share = PREPARED + (1 - PREPARED) * self._step / settings.max_train_steps
            self._watch.progress(share, f"step {self._step} of {settings.max_train_steps}, loss {loss / per_step:.4f}")
            last = self._step == settings.max_train_steps
            if last or (settings.sample_every_n_steps and self._step % settings.sample_every_n_steps == 0):
                self._look_at(likeness)
                saved = -math.inf  # what was sampled must not be sampled again
            if not last and time.monotonic() - saved > settings.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        best = max(self._versions, key=lambda version: version.score)
        return Trained(best, self._kept(), self._losses, self._step)

    def close(self) -> None:
        """Leave the network as it was."""
        self._network.disable_gradient_checkpointing()
        self._network.unload_lora()
        self._network.requires_grad_(False)

    def _add_lora(self) -> None:
        import torch
        from peft import LoraConfig

        settings = self._settings
        targets = settings.target_modules or list(self._denoiser.targets)
        config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=targets)
        self._pipe.vae.requires_grad_(False)
        self._network.requires_grad_(False)
        try:
            with torch.random.fork_rng():
                torch.manual_seed(settings.seed)
                self._network.add_adapter(config, adapter_name=ADAPTER)
        except ValueError as error:
            raise InputError(
                f"no layer is named {', '.join(targets)}", hint="leave target_modules out", code="no_such_layers"
            ) from error
        self._weights: dict[str, Any] = {}
        for name, weight in self._network.named_parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
                self._weights[name.replace(f".{ADAPTER}", "")] = weight
        self._mean = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._network.disable_adapters()

    def _batches(self, cached: Cached, count: int, what: str, name_only: float) -> Iterator[list[Taken]]:
        settings = self._settings
        endless = batches(
            cached.by_size,
            count,
            seed=f"{settings.seed} {what}",
            flip=settings.flip,
            without=settings.caption_dropout_rate,
            name_only=name_only,
        )
        return itertools.islice(endless, self._step * settings.gradient_accumulation_steps, None)

    def _learn(
        self,
        main: Cached,
        main_batches: Iterator[list[Taken]],
        prior: Cached | None,
        prior_batches: Iterator[list[Taken]] | None,
    ) -> float:
        """One change of the weights; answers the sum of its batches' losses. Raises `NodeError`."""
        import torch

        settings = self._settings
        per_step = settings.gradient_accumulation_steps
        total = 0.0
        for part in range(per_step):
            chance = noise(settings.seed, "noise", self._step * per_step + part)
            loss = self._loss(main, next(main_batches), chance)
            told = loss.item()
            if prior is not None and prior_batches is not None:
                loss = loss + settings.prior_loss_weight * self._loss(prior, next(prior_batches), chance)
            if not torch.isfinite(loss):
                raise self._diverged(f"the loss was {loss.item()} at step {self._step + 1}")
            (loss / per_step).backward()
            total += told
        torch.nn.utils.clip_grad_norm_(list(self._weights.values()), settings.max_grad_norm)
        for group in self._optimiser.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * rate(self._step, settings)
        self._optimiser.step()
        self._optimiser.zero_grad()
        if settings.ema_decay:
            # Reaches back over a tenth of the steps so far, until `ema_decay` is reached.
            keep = min(settings.ema_decay, (1 + self._step) / (10 + self._step))
            with torch.no_grad():
                for name, weight in self._weights.items():
                    self._mean[name].lerp_(weight, 1 - keep)
        return total

    def _loss(self, cached: Cached, taken: list[Taken], chance: Any) -> Any:
        import torch

        settings = self._settings
        latents, conditions = cached.batch(taken, chance)
        noising = Noising(settings.min_snr_gamma, settings.noise_offset)
        mixed = settings.mixed_precision != "no"
        with torch.autocast(self._network.device.type, self._network.dtype, enabled=mixed):
            return self._denoiser.losses(latents, conditions, noising, chance).mean()

    def _read(self, likeness: Likeness) -> Iterator[Shown]:
        """The given pictures one after the other; `likeness` looks at them before they are forgotten."""
        square: Size = (self._square, self._square)
        every = max(1, len(self._examples) // LIKENED)
        for number, (one, caption) in enumerate(zip(self._examples, self._captions, strict=True)):
            pixels = one.read()
            if number % every == 0:
                likeness.learn(fitted(pixels, square))
            yield pixels, caption

    def _cache(self, shown: Iterable[Shown], count: int, called: list[str]) -> Cached:
        def after(number: int) -> None:
            self._watch.progress(PREPARED * (0.5 + 0.5 * number / count), f"picture {number + 1} of {count}")

        return Cached(
            self._denoiser,
            shown,
            self._buckets,
            names=called,
            flip=self._settings.flip,
            device=self._network.device.type,
            after_each=after,
        )

    def _draw_others(self) -> list[Shown]:
        """Pictures of others by the untrained model, which are learned beside the given ones."""
        prompts = others(self._settings, self._settings.prior_pictures)
        shown: list[Shown] = []
        for number, prompt in enumerate(prompts):
            message = f"drawing others, {number + 1} of {len(prompts)}"
            [picture] = self._paint([prompt], 1000 + number, PREPARED * 0.5 * number / len(prompts), message)
            shown.append((picture, prompt))
        return shown

    def _samples(self) -> list[Pixels]:
        return self._paint(samples(self._settings), self._settings.seed, self._share, "drawing samples")

    def _samples_of_others(self) -> list[Pixels]:
        """As many, by which is seen whether others stay as they were."""
        asked = others(self._settings, len(samples(self._settings)))
        return self._paint(asked, self._settings.seed, self._share, "drawing samples of others")

    @property
    def _share(self) -> float:
        return PREPARED + (1 - PREPARED) * self._step / self._settings.max_train_steps

    def _paint(self, prompts: list[str], seed: int, share: float, message: str) -> list[Pixels]:
        images = paint(
            self._pipe,
            prompts,
            seed=seed,
            size=(self._square, self._square),
            after_step=lambda _: self._watch.progress(share, message),
        )
        return [np.asarray(image.convert("RGB")) for image in images]

    @cached_property
    def _square(self) -> int:
        return nearest(1, 1, self._buckets)[0]

    def _look_at(self, likeness: Likeness) -> None:
        """Draw samples, judge them, keep the weights as files, and forget versions that are neither new nor best."""
        self._require_numbers()
        drawn = self._with_mean(lambda: (self._samples(), self._samples_of_others()))
        self._network.disable_adapters()
        score = likeness.score(*drawn)
        self._network.enable_adapters()
        self._watch.sampled(self._step, score, drawn[0])
        layers = layers_of(self._mean if self._settings.ema_decay else self._weights_now(), self._settings)
        header = header_of(
            self._denoiser,
            self._settings,
            base=self._base,
            captions=self._captions,
            step=self._step,
            rate=self._rate,
        )
        names = {}
        for layout, write in (("diffusers", write_diffusers), ("kohya", write_kohya)):
            file = self._folder / f"{self._settings.trigger}-{self._step:06d}-{layout}.safetensors"
            write(file, self._denoiser, layers, header)
            names[layout] = self._watch.keep(file)
            file.unlink()
        self._versions.append(Version(self._step, score, **names))

    def _require_numbers(self) -> None:
        """Raises `NodeError`: a step may break the weights whose loss was still a number, and no loss comes after."""
        import torch

        if not all(bool(torch.isfinite(weight).all()) for weight in self._weights.values()):
            raise self._diverged(f"the weights were no numbers after step {self._step}")

    def _diverged(self, what: str) -> NodeError:
        hint = f"lower learning_rate (it is {self._rate:g}), or set mixed_precision to no"
        return NodeError(what, hint=hint, code="loss_not_finite")

    def _with_mean(self, draw: Any) -> Any:
        """What `draw` answers with the running mean in place of the weights, where there is one."""
        if not self._settings.ema_decay:
            return draw()
        now = self._weights_now()
        self._set(self._mean)
        try:
            return draw()
        finally:
            self._set(now)

    def _weights_now(self) -> dict[str, Any]:
        return {name: weight.detach().clone() for name, weight in self._weights.items()}

    def _set(self, values: dict[str, Any]) -> None:
        import torch

        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(values[name])

    def _kept(self) -> list[Version]:
        best = max(self._versions, key=lambda version: version.score)
        newest = self._versions[-self._settings.keep_last :]
        return [version for version in self._versions if version in newest or version == best]

    def _no_better(self) -> bool:
        patience = self._settings.patience
        if not patience or len(self._versions) <= patience:
            return False
        before = max(version.score for version in self._versions[:-patience])
        return all(version.score <= before for version in self._versions[-patience:])

    def _save(self) -> None:
        file = self._folder / "checkpoint.safetensors"
        numbers = {
            "step": self._step,
            "losses": self._losses,
            "versions": [asdict(version) for version in self._versions],
        }
        checkpoint.write(file, self._weights_now(), self._mean, self._optimiser, numbers)
        self._watch.checkpoint(file, self._step)

    def _resume(self, file: Path) -> None:
        weights, mean, numbers = checkpoint.read(file, self._optimiser)
        self._set(weights)
        self._mean = mean
        self._step = numbers["step"]
        self._losses = [(step, loss) for step, loss in numbers["losses"]]
        self._versions = [Version(**version) for version in numbers["versions"]]
