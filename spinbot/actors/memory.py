"""How much memory this process really uses."""

from __future__ import annotations

import sys
from pathlib import Path


def process_bytes() -> int:
    """Bytes of memory that belong to this process: resident on the CPU, plus allocated by torch on the GPU.

    Resident memory comes from `/proc/self/statm` (proc(5)); elsewhere `getrusage` gives the peak in its place.
    """
    return _resident() + _allocated_on_gpu()


def _resident() -> int:
    statm = Path("/proc/self/statm")
    import resource

    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, the others kilobytes


def _allocated_on_gpu() -> int:
    torch = sys.modules.get("torch")  # an engine that uses a GPU has imported it; do not import 200 MB to ask
    if torch is None or not torch.cuda.is_available():
        return 0
    return int(torch.cuda.memory_allocated())
