"""Why the script engine has a decoder of its own: its tokens a second against those of transformers' `generate`.

Both sample 8 candidates from the same weights. transformers dequantises the GGUF to float32; its figure is without a
grammar, ours with one. Run with the models installed:

    python benchmarks/script_speed.py [threads]
"""

from __future__ import annotations

import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from spinbot.cli.studio import Studio
from spinbot.engines.base import no_progress
from spinbot.engines.script.prompt import narration
from spinbot.engines.script.smollm2 import SmolLm2Engine

TOPIC = "how bees make honey"


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    models = Studio().models.path
    folder = models("smollm2-135m-instruct")
    file = next(folder.glob("*.gguf")).name
    began = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    theirs_load = time.perf_counter() - began
    torch.set_num_threads(threads)
    prompt = tokenizer(narration(TOPIC), return_tensors="pt")
    began = time.perf_counter()
    out = model.generate(**prompt, max_new_tokens=30, min_new_tokens=30, do_sample=True, num_return_sequences=8)
    theirs = (out.shape[1] - prompt.input_ids.shape[1]) * 8 / (time.perf_counter() - began)
    engine = SmolLm2Engine(models, threads=threads)
    began = time.perf_counter()
    engine.load(no_progress)
    ours_load = time.perf_counter() - began
    began = time.perf_counter()
    engine.write(TOPIC, seconds=20, seed=0, progress=no_progress)
    ours = engine.tokens / (time.perf_counter() - began)
    print(f"load: transformers {theirs_load:.1f} s, spinbot {ours_load:.1f} s")
    print(f"sampling: transformers {theirs:.0f} tokens/s, spinbot {ours:.0f} tokens/s: ratio {ours / theirs:.1f}")


if __name__ == "__main__":
    main()
