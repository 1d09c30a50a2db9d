"""LoRA training: one code path for every architecture, files that load elsewhere, an exact resume."""

from __future__ import annotations

import itertools
import json
import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file

from spinbot.engines.base import no_progress
from spinbot.engines.curve import live
from spinbot.engines.image.buckets import nearest, sizes
from spinbot.engines.image.pipeline import load_pipeline, paint
from spinbot.engines.lora_trainer.base import Base, Example, Pixels, Trained
from spinbot.engines.lora_trainer.batches import batches
from spinbot.engines.lora_trainer.captions import learned
from spinbot.engines.lora_trainer.kohya import kohya_layers
from spinbot.engines.lora_trainer.peft_lora import PeftTrainer
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.lora_trainer.training import Training
from spinbot.errors import CancelledError, InputError, NodeError, StorageError
from tests import tiny_pipelines

pytestmark = pytest.mark.filterwarnings("ignore")  # of diffusers and transformers about each other

QUICK = {"trigger": "ohwx", "max_train_steps": 4, "batch_size": 2, "prior_pictures": 2, "rank": 4, "alpha": 2}
QUICK |= {"learning_rate": 0.05, "lr_warmup_steps": 0, "lr_scheduler": "constant", "sample_every_n_steps": 0}
QUICK |= {"sample_prompts": ["[trigger]"], "resolution": 64}
DOUBLE_BLOCKS = [f"transformer_blocks.{n}.attn.{to}" for n in (0, 1) for to in ("to_q", "to_out.0", "add_v_proj")]
"""Of FLUX: diffusers reads kohya's single blocks only where they have the real model's size."""


class Killed(BaseException):
    """Stands for a process that ends in the middle of a step."""


@dataclass
class Album:
    """A `Watch` that keeps files in a folder, and is killed when `kill_at` steps are done."""

    folder: Path
    kill_at: int = 0
    steps: list[str] = field(default_factory=list)
    checkpoints: list[tuple[int, Path]] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    told: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)

    def progress(self, fraction: float, message: str) -> None:
        assert 0 <= fraction <= 1
        self.steps.append(message)
        if self.kill_at and message.startswith(f"step {self.kill_at} "):
            raise Killed

    def keep(self, file: Path) -> str:
        return str(self._copy(file, f"kept-{file.name}"))

    def checkpoint(self, file: Path, step: int) -> None:
        self.checkpoints.append((step, self._copy(file, f"checkpoint-{step}.safetensors")))

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        self.told.append((step, figures))

    def sampled(self, step: int, score: float, pictures: Sequence[Pixels]) -> None:
        assert all(picture.ndim == 3 for picture in pictures)
        self.scores.append((step, score))

    def _copy(self, file: Path, name: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(file.read_bytes())
        return self.folder / name


def examples(count: int = 5) -> list[Example]:
    rng = np.random.default_rng(0)
    shapes = [(64, 64), (48, 96), (96, 48), (64, 64), (80, 64)]
    made = [rng.integers(0, 255, (*shapes[i % len(shapes)], 3), np.uint8) for i in range(count)]
    return [Example(partial(np.copy, pixels), f"number {i}" if i % 2 else "") for i, pixels in enumerate(made)]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    return {kind: tiny_pipelines.save(kind, folder / kind) for kind in tiny_pipelines.PIPELINES}


def trainer(model: Path) -> PeftTrainer:
    engine = PeftTrainer(lambda name: model, threads=1)
    engine.load(no_progress)
    return engine


def train(model: Path, folder: Path, album: Album | None = None, resume: Path | None = None, **over: object) -> Trained:
    folder.mkdir(parents=True, exist_ok=True)
    settings = LookSettings(**(QUICK | over))
    return trainer(model).train(examples(), settings, folder, album or Album(folder / "album"), resume)


def picture(pipe: object) -> np.ndarray:
    [image] = paint(pipe, ["a portrait of ohwx"], seed=3, size=(64, 64), steps=3, after_step=lambda _: None)
    return np.asarray(image, np.float32) / 255


@pytest.mark.parametrize(
    ("kind", "over"),
    [("sd15", {}), ("sdxl", {}), ("sd3", {}), ("flux", {}), ("flux", {"target_modules": DOUBLE_BLOCKS})],
)
def test_each_architecture_learns_and_its_files_load_back(
    tiny: dict[str, Path], tmp_path: Path, kind: str, over: dict[str, object]
) -> None:
    # What the trained network itself draws, before its files are written and read.
    seen: dict[str, np.ndarray] = {}

    class Own(Album):
        def sampled(self, step: int, score: float, pictures: Sequence[Pixels]) -> None:
            seen["own"] = picture(engine._pipe)

    engine = trainer(tiny[kind])
    trained = engine.train(examples(), LookSettings(**(QUICK | over)), tmp_path, Own(tmp_path / "album"), None)
    pipe = load_pipeline(tiny[kind], device="cpu", precision="float32")
    plain = picture(pipe)
    assert np.abs(picture(engine._pipe) - plain).max() < 1e-6, "the trainer's own model is left as it was"
    assert np.abs(seen["own"] - plain).max() > 0.02

    pipe.load_lora_weights(trained.best.diffusers)
    assert np.abs(picture(pipe) - seen["own"]).max() < 1e-3
    loaded = get_peft_model_state_dict(getattr(pipe, "unet", None) or pipe.transformer, adapter_name="default_0")
    pipe.unload_lora_weights()

    # kohya's keys: each delta is what diffusers' file says of the layers that it stands for.
    deltas = kohya_deltas(Path(trained.best.kohya))
    own = {
        name.removesuffix(".lora_A.weight"): (loaded[name.replace("lora_A", "lora_B")] @ loaded[name])
        for name in loaded
        if name.endswith(".lora_A.weight")
    }
    assert sum(float(delta.square().sum()) for delta in deltas.values()) == pytest.approx(
        sum(float(delta.square().sum()) for delta in own.values()), rel=1e-4
    )
    assert all(key.startswith("lora_unet_") for key in deltas)
    if kind in ("sd15", "sdxl") or over:
        pipe.load_lora_weights(trained.best.kohya)
        assert np.abs(picture(pipe) - seen["own"]).max() < 1e-3
    elif kind == "sd3":  # diffusers has no reader for kohya's files of it
        query = "joint_blocks_0_x_block_attn_qkv"
        assert torch.allclose(
            deltas[f"lora_unet_{query}"],
            torch.cat([own[f"transformer_blocks.0.attn.to_{part}"] for part in "qkv"]),
            atol=1e-5,
        )


def kohya_deltas(file: Path) -> dict[str, torch.Tensor]:
    """What is added to each layer of the original network."""
    tensors = load_file(file)
    names = {key.split(".")[0] for key in tensors}
    parts = ("lora_down.weight", "lora_up.weight", "alpha")
    assert set(tensors) == {f"{name}.{part}" for name in names for part in parts}
    return {
        name: tensors[f"{name}.lora_up.weight"]
        @ tensors[f"{name}.lora_down.weight"]
        * (tensors[f"{name}.alpha"] / len(tensors[f"{name}.lora_down.weight"]))
        for name in names
    }


def test_the_headers_say_what_the_file_is(tiny: dict[str, Path], tmp_path: Path) -> None:
    trained = train(tiny["sd15"], tmp_path)
    for file in (trained.best.diffusers, trained.best.kohya):
        with safe_open(file, "pt") as opened:
            header = opened.metadata()
        assert header["modelspec.architecture"] == "stable-diffusion-v1/lora"
        assert header["modelspec.trigger_phrase"] == header["spinbot.trigger"] == "ohwx"
        assert header["ss_network_dim"] == header["ss_network_alpha"] == "4"
        assert header["ss_base_model_version"] == "sd_v1"
        assert json.loads(header["ss_tag_frequency"])["ohwx"]["a portrait of ohwx"] == 5
    with safe_open(trained.best.kohya, "pt") as opened:
        assert "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight" in opened.keys()  # noqa: SIM118


@pytest.mark.parametrize("over", [{}, {"ema_decay": 0.9, "gradient_accumulation_steps": 2, "noise_offset": 0.05}])
def test_a_training_that_was_killed_ends_with_the_same_bits(
    tiny: dict[str, Path], tmp_path: Path, over: dict[str, object]
) -> None:
    settings = {"max_train_steps": 12, "sample_every_n_steps": 5, "checkpoint_seconds": 1e-6} | over
    watch = Album(tmp_path / "album-whole")
    whole = train(tiny["sd15"], tmp_path / "whole", watch, **settings)
    album = Album(tmp_path / "album", kill_at=8)
    with pytest.raises(Killed):
        train(tiny["sd15"], tmp_path / "killed", album, **settings)
    step, checkpoint = album.checkpoints[-1]
    assert step == 7
    again = Album(tmp_path / "album")
    resumed = train(tiny["sd15"], tmp_path / "again", again, checkpoint, **settings)
    assert next(message for message in again.steps if message.startswith("step")).startswith("step 8 of 12")
    assert [version.step for version in resumed.kept] == [version.step for version in whole.kept]
    assert resumed.losses == whole.losses
    assert [step for step, _ in watch.told] == list(range(1, 13))
    assert dict(album.told) | dict(again.told) == dict(watch.told)
    for mine, theirs in zip(resumed.kept, whole.kept, strict=True):
        assert mine.score == theirs.score
        assert Path(mine.diffusers).read_bytes() == Path(theirs.diffusers).read_bytes()
        assert Path(mine.kohya).read_bytes() == Path(theirs.kohya).read_bytes()


def test_versions_that_are_neither_new_nor_best_are_not_named(tiny: dict[str, Path], tmp_path: Path) -> None:
    album = Album(tmp_path / "album")
    trained = train(tiny["sd15"], tmp_path, album, max_train_steps=6, sample_every_n_steps=1, keep_last=2)
    assert [step for step, _ in album.scores] == [1, 2, 3, 4, 5, 6]
    best = max(album.scores, key=lambda entry: entry[1])[0]
    assert [version.step for version in trained.kept] == sorted({best, 5, 6})
    assert trained.best.step == best


def test_a_training_that_gets_no_better_ends_early(
    tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spinbot.engines.lora_trainer.score.Likeness.score", lambda *_: 0.5)
    trained = train(tiny["sd15"], tmp_path, max_train_steps=9, sample_every_n_steps=1, patience=3)
    assert trained.stopped_at == 4


def test_no_number_as_loss_says_what_to_do(tmp_path: Path) -> None:
    broken = tiny_pipelines.save("sd15", tmp_path / "broken")
    pipe = load_pipeline(broken, device="cpu", precision="float32")
    pipe.unet.conv_out.bias.data[0] = math.nan
    pipe.save_pretrained(broken)
    with pytest.raises(NodeError, match="at step 1") as caught:
        train(broken, tmp_path)
    assert caught.value.code == "loss_not_finite"
    assert "learning_rate" in caught.value.hint


def test_weights_that_break_in_the_last_step_are_told_as_well(
    tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a gradient that overflows does: the loss of that very step is still a number.
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", lambda weights, _: [w.grad.fill_(math.nan) for w in weights])
    with pytest.raises(NodeError, match="after step 1") as caught:
        train(tiny["sd15"], tmp_path, max_train_steps=1)
    assert caught.value.code == "loss_not_finite"


def test_pictures_are_read_one_after_the_other_and_not_kept(tiny: dict[str, Path], tmp_path: Path) -> None:
    reads: list[weakref.ref[Pixels]] = []

    def read() -> Pixels:
        alive = [one for one in reads if one() is not None]
        assert len(alive) <= 1  # the one before, of which the name is still known
        pixels = np.random.default_rng(len(reads)).integers(0, 255, (64, 64, 3), np.uint8)
        reads.append(weakref.ref(pixels))
        return pixels

    settings = LookSettings(**(QUICK | {"max_train_steps": 2}))
    trainer(tiny["sd15"]).train([Example(read)] * 12, settings, tmp_path, Album(tmp_path / "album"), None)
    assert len(reads) == 12


def test_a_full_disk_at_a_checkpoint_is_told(tiny: dict[str, Path], tmp_path: Path) -> None:
    class Full(Album):
        def checkpoint(self, file: Path, step: int) -> None:
            raise StorageError("no space left", code="disk_full")

    with pytest.raises(StorageError):
        train(tiny["sd15"], tmp_path, Full(tmp_path / "album"), checkpoint_seconds=1e-6)


def test_it_stops_when_it_is_cancelled(tiny: dict[str, Path], tmp_path: Path) -> None:
    class Stopped(Album):
        def progress(self, fraction: float, message: str) -> None:
            if message.startswith("step 2 "):
                raise CancelledError("cancelled")

    engine = trainer(tiny["sd15"])
    with pytest.raises(CancelledError):
        engine.train(examples(), LookSettings(**QUICK), tmp_path, Stopped(tmp_path / "album"), None)
    assert not any("lora" in name for name, _ in engine._pipe.unet.named_parameters())


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"optimizer": "adamw8bit"}, "bitsandbytes"),
        ({"mixed_precision": "fp16"}, "CPU"),
        ({"target_modules": ["no_such_layer"]}, "no_such_layer"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_step(
    tiny: dict[str, Path], tmp_path: Path, over: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        train(tiny["sd15"], tmp_path, **over)
    assert says in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(("last", "points"), [(1, 1), (150, 150), (200, 200), (201, 101), (401, 134), (100_000, 200)])
def test_a_growing_curve_has_at_most_some_200_points_evenly_spread(last: int, points: int) -> None:
    losses: list[tuple[int, float]] = []
    shown = []
    for step in range(1, last + 1):
        losses.append((step, float(step)))
        if (mean := live(losses, last)) is not None:
            shown.append((step, mean))
    assert (len(shown), shown[-1][0]) == (points, last)
    ends = [0, *(step for step, _ in shown)]
    assert len({end - begin for begin, end in itertools.pairwise(ends[:-1])}) <= 1
    assert [mean for _, mean in shown] == [(begin + 1 + end) / 2 for begin, end in itertools.pairwise(ends)]


@pytest.mark.parametrize(
    "over",
    [
        {"mixed_precision": "bf16", "save_precision": "fp16"},
        {"gradient_checkpointing": True},
        {"optimizer": "prodigy", "lr_scheduler": "linear", "lr_warmup_steps": 2},
        {"min_snr_gamma": 5, "caption_dropout_rate": 1, "flip": False, "prior_pictures": 0},
    ],
)
def test_all_settings_train(tiny: dict[str, Path], tmp_path: Path, over: dict[str, object]) -> None:
    trained = train(tiny["sd15"], tmp_path, **over)
    assert all(math.isfinite(loss) for _, loss in trained.losses)
    pipe = load_pipeline(tiny["sd15"], device="cpu", precision="float32")
    pipe.load_lora_weights(trained.best.diffusers)


def test_gradient_checkpointing_changes_nothing_but_memory(tiny: dict[str, Path], tmp_path: Path) -> None:
    plain, spare = (train(tiny["sd15"], tmp_path / str(on), gradient_checkpointing=on) for on in (False, True))
    assert [loss for _, loss in spare.losses] == pytest.approx([loss for _, loss in plain.losses], rel=1e-4)


def test_a_pipeline_that_cannot_be_trained_is_named(tiny: dict[str, Path], tmp_path: Path) -> None:
    class OtherPipeline(StableDiffusionPipeline):
        pass

    pipe = load_pipeline(tiny["sd15"], device="cpu", precision="float32")
    other = OtherPipeline(**pipe.components, requires_safety_checker=False)
    with pytest.raises(InputError, match="OtherPipeline"):
        Training(other, Base("x", ""), examples(), LookSettings(**QUICK), tmp_path, Album(tmp_path))


def test_single_blocks_of_flux_are_joined_with_zeros_for_what_was_not_trained() -> None:
    block = "single_transformer_blocks.0"
    layers = {f"{block}.attn.to_{part}": (torch.rand(2, 8), torch.rand(8, 2)) for part in "qkv"}
    outputs = {f"{block}.attn.to_{part}": 8 for part in "qkv"} | {f"{block}.proj_mlp": 32}
    found = kohya_layers("Flux", layers, outputs)
    up, down = (found[f"lora_unet_single_blocks_0_linear1.lora_{way}.weight"] for way in ("up", "down"))
    truth = torch.cat([layers[f"{block}.attn.to_{part}"][1] @ layers[f"{block}.attn.to_{part}"][0] for part in "qkv"])
    assert torch.allclose(up @ down, torch.cat([truth, torch.zeros(32, 8)]))


def test_pictures_go_to_the_bucket_of_their_shape() -> None:
    buckets = sizes(512, 64)
    assert (512, 512) in buckets
    assert all(width % 64 == height % 64 == 0 and width * height <= 512 * 512 for width, height in buckets)
    assert nearest(4000, 3000, buckets) == (576, 448)
    assert nearest(1080, 1920, buckets) == (384, 640)
    assert nearest(1, 1, buckets) == (512, 512)
    assert nearest(9000, 1000, buckets) == max(buckets, key=lambda size: (size[0] / size[1], size[0]))


def test_each_picture_comes_once_before_any_comes_again() -> None:
    pictures = {(64, 64): [0, 1, 2], (64, 32): [3, 4]}
    stream = batches(pictures, 2, seed=1, flip=True, without=0.5, name_only=0.5)
    taken = [next(stream) for _ in range(300)]
    for batch in taken:
        assert len({size for size, numbers in pictures.items() for one in batch if one.number in numbers}) == 1
    square = [one.number for batch in taken for one in batch if one.number < 3]
    for start in range(0, len(square) - 3, 3):
        assert sorted(square[start : start + 3]) == [0, 1, 2]
    everything = [one for batch in taken for one in batch]
    assert 0.4 < np.mean([one.flipped for one in everything]) < 0.6
    shares = {kind: np.mean([one.caption == kind for one in everything]) for kind in ("none", "name", "own")}
    assert 0.4 < shares["none"] < 0.6
    assert 0.2 < shares["name"] < 0.3
    assert 0.5 < len(square) / len(everything) < 0.7


@pytest.mark.parametrize(
    ("caption", "says"),
    [
        ("", "a portrait of ada woman"),
        ("smiling, blue wall", "a portrait of ada woman, smiling, blue wall"),
        ("[trigger] on a  bench", "ada woman on a bench"),
        ("a photo of Ada, smiling", "a photo of Ada, smiling"),
    ],
)
def test_the_trigger_word_stands_in_each_caption(caption: str, says: str) -> None:
    assert learned(caption, LookSettings(trigger="ada", class_word="woman")) == says
