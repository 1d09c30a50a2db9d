"""A process that works in bursts does not keep the memory of its largest burst."""

from __future__ import annotations

import subprocess
import sys

import pytest

from spinbot.actors.memory import give_back, process_bytes

MB = 1 << 20


def test_freed_memory_goes_back_even_below_a_block_in_use():
    blocks = [bytes(2000) for _ in range(50_000)]  # 100 MB on the heap, too small for mappings of their own
    held = process_bytes()
    last = blocks[-1]
    del blocks
    give_back()
    assert len(last) == 2000
    assert held - process_bytes() > 80 * MB


def test_large_blocks_go_back_at_once_also_after_larger_ones_were_freed():
    program = """
from spinbot.actors.memory import return_large_blocks, process_bytes
return_large_blocks()
larger = bytearray(24 << 20)
del larger
large, small = [], []
for _ in range(4):
    large.append(b"x" * (20 << 20))
    small.append(b"x" * 100_000)
held = process_bytes()
large.clear()
print(held - process_bytes())
"""
    freed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(freed) > 75 * MB


@pytest.mark.models
def test_a_long_sentence_leaves_no_larger_voice_behind(models):
    from spinbot.engines.base import no_progress
    from spinbot.engines.tts.kokoro import KokoroEngine

    engine = KokoroEngine(models, threads=2)
    engine.load(no_progress)

    def size_after(text: str) -> int:
        engine.speak(text, voice="stock:kumo", speed=1.0, seed=0, progress=no_progress)
        give_back()
        return process_bytes()

    before = [size_after("Bees make honey from flowers.") for _ in range(3)][-1]
    size_after("Bees make honey from flowers, " * 6 + "and they carry it home.")
    after = size_after("Bees make honey from flowers.")
    assert after < before + 40 * MB
