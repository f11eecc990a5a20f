"""glibc's allocator, told to keep what a training step will ask for again.

A step allocates and frees hundreds of megabytes. By default glibc takes blocks above 32 MB from the kernel and
returns them at once, so every step pays for page faults on fresh zeroed memory: measured on two cores of a virtual
machine, steps of an SSD at 192 pixels were three to six times slower (benchmarks/train_step.py prints both).
"""

from __future__ import annotations

import ctypes

# Parameters of mallopt(3), from malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
GIB = 1 << 30


def keep_memory() -> bool:
    """Keep freed blocks in the process instead of returning them to the kernel; False where there is no glibc.

    The process then holds on to its largest working set, which training does anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((MMAP_THRESHOLD, GIB), (TRIM_THRESHOLD, GIB), (TOP_PAD, GIB // 16))
    return all(mallopt(name, value) == 1 for name, value in settings)
