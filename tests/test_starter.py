"""The recipe of the starter model, small: every stage for real, in seconds."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spinbot.engines.image.drawn.look import VALUES
from spinbot.engines.image.tensors import tensor
from spinbot.errors import InputError
from spinbot.starter import judge, lexicon
from spinbot.starter.__main__ import run
from spinbot.starter.captions import caption
from spinbot.starter.pictures import draw, look_of
from spinbot.starter.recipe import FULL, SMALL
from spinbot.starter.work import STAGES, Work

# diffusers 0.42 and transformers 5 warn about themselves.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A folder in which every stage has run."""
    done = Work(tmp_path_factory.mktemp("starter"), SMALL)
    for stage in STAGES:
        run(stage, done, 1, done.path("model"))
    return done


def test_captions_never_use_held_out_words_and_do_use_all_others():
    texts = [caption(look_of(i), random.Random(i)).text for i in range(2500)]
    together = " | ".join(texts)
    assert not [phrase for phrase in lexicon.forbidden() if lexicon.uses(together, phrase)]
    colours = {phrase for phrases in lexicon.trained_on()["colour"].values() for phrase in phrases}
    assert not [phrase for phrase in colours if not lexicon.uses(together, phrase)]


def test_a_twelfth_of_the_words_is_held_out_but_never_the_usual_one():
    for table, values in lexicon.held_out().items():
        for value, phrases in values.items():
            assert not {value, lexicon.tables()[table][value][0]} & set(phrases)
    held_out = sum(len(phrases) for values in lexicon.held_out().values() for phrases in values.values())
    everything = sum(len(phrases) for table in lexicon.TABLES for phrases in lexicon.tables()[table].values())
    assert 0.05 < held_out / everything < 0.12


@pytest.mark.parametrize("unseen", [False, True])
def test_captions_say_nothing_untrue(unseen):
    """Each colour of the lexicon that is in a caption is one that the look has somewhere."""
    for i in range(500):
        look = look_of(i)
        text = caption(look, random.Random(i), unseen=unseen).text
        own = {look.hair_colour, look.hat_colour, look.clothes_colour, look.background, look.skin, look.eyes}
        for value in VALUES["background"]:
            if lexicon.uses(text, value) and value not in own:
                assert any(lexicon.uses(phrase, value) and lexicon.uses(text, phrase) for phrase in _phrases()), text
        for other in {"woman", "man"} - {look.sex}:
            assert not lexicon.uses(text, other), text


def test_what_is_worn_is_always_said():
    said = lexicon.tables()
    for i in range(500):
        look = look_of(i)
        text = caption(look, random.Random(i)).text
        for table in ("glasses", "beard", "hat"):
            value = getattr(look, table)
            if value != "none":
                assert any(lexicon.uses(text, phrase) for phrase in (value, *said[table][value])), (value, text)


def test_the_same_seed_draws_the_same_picture():
    assert np.array_equal(draw(5), draw(5))
    assert not np.array_equal(draw(5), draw(6))


def test_every_stage_runs_and_the_model_loads(work):
    assert all(work.finished(stage) for stage in STAGES)
    assert work.finished("words")["words_of_one_token"] == work.finished("words")["words"]
    from spinbot.starter.export import samples

    prompt = ("a woman with red hair",)
    first = samples(work.path("model"), prompt)
    assert first.shape == (1, 128, 128, 3)
    assert np.array_equal(first, samples(work.path("model"), prompt))
    assert not np.array_equal(first, samples(work.path("model"), prompt, seed=1))
    assert (work.path("model") / "README.md").read_text().startswith("---\nlicense: apache-2.0")


def test_folding_the_scale_of_latents_changes_no_picture(work):
    import torch

    from spinbot.starter import latents, pictures, vae

    some = tensor(pictures.load(work)[:2])
    with torch.no_grad():
        before, after = vae.autoencoder(work), latents.autoencoder(work)
        plain = before.decode(before.encode(some).latent_dist.mean).sample
        folded = after.encode(some).latent_dist.mean
        assert torch.allclose(folded, torch.from_numpy(latents.load(work)[:2].copy()), atol=1e-3)
        assert torch.allclose(after.decode(folded).sample, plain, atol=1e-3)


def test_steps_depend_on_nothing_but_their_number(work):
    import torch

    from spinbot.starter.training import dice, flatten
    from spinbot.starter.unet import Denoising

    lesson = Denoising(work)
    ends = []
    for _ in range(2):
        module = lesson.module()
        optimiser = lesson.optimiser(module)
        for step in range(2):
            lesson.loss(module, dice("unet", 0, step), 0.5).backward()
            optimiser.step(1.0)
        ends.append(flatten(module))
    assert torch.equal(*ends)


def test_a_killed_stage_goes_on_from_its_checkpoint(work, tmp_path):
    for name in ("pictures.npy", "pictures.done.json", "looks.jsonl"):
        (tmp_path / name).symlink_to(work.path(name))
    command = [sys.executable, "-m", "spinbot.starter", "--work", str(tmp_path), "--budget", "small"]
    command += ["--processes", "2", "vae"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while not (tmp_path / "vae.pt").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(random.random() * 0.7)
        os.kill(process.pid, signal.SIGKILL)
    place = Work(tmp_path, SMALL)
    saved = place.load("vae")
    assert sum(saved["steps"]) > 0
    assert place.finished("vae") is None
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "goes on at" in ended.stdout
    finished = place.finished("vae")
    assert finished["steps"] > sum(saved["steps"])
    assert finished["seconds"] >= round(SMALL.vae_seconds)  # the last step may go beyond


def test_another_recipe_may_not_go_on_in_a_folder(work):
    with pytest.raises(InputError, match="another recipe"):
        Work(work.folder, FULL)


def test_a_stage_names_what_it_needs_first(tmp_path):
    with pytest.raises(InputError, match="needs latents, text first"):
        run("unet", Work(tmp_path, SMALL), 1, tmp_path / "model")


def test_the_log_survives_a_line_cut_short(tmp_path):
    place = Work(tmp_path, SMALL)
    place.note("vae", loss=0.5)
    with place.path("losses.jsonl").open("a") as log:
        log.write('{"stage": "vae", "lo')
    assert [note["loss"] for note in place.notes("vae")] == [0.5]


def test_a_judge_learns_what_it_sees(tmp_path):
    trained = judge.Judge(judge.train(tmp_path, pictures=120, seconds=4))
    figures = judge.accuracy(trained, 40)
    assert figures["background"] > 0.5  # by chance 0.08
    assert json.dumps(trained.attributes(np.stack([draw(1)])))


def _phrases() -> list[str]:
    return [phrase for table in lexicon.TABLES for phrases in lexicon.tables()[table].values() for phrase in phrases]


def test_the_recipe_never_reads_the_prompts_of_the_benchmark():
    folder = Path(judge.__file__).parent
    assert not [file for file in folder.rglob("*.py") if "portrait_prompts" in file.read_text()]
