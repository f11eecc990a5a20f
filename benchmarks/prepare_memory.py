"""Peak memory of ``tltpipe prepare``, all its processes together, at 20,000 pictures and at 200,000.

What is judged is the largest sum of proportional set sizes, of which pages shared by processes are a part but once.
The pictures are hard links to a few small files: only their headers are read.
"""

from __future__ import annotations

from pathlib import Path

import commands
import corpus
from measure import options, told
from memory import Peak, peak

MOST, GROWTH = 350, 60
"""Megabytes: at either size, and from one to the other."""
TIMES = 10


def measured(folder: Path | None, pictures: int) -> Peak:
    with corpus.bench(folder and folder / f"light-{pictures}", pictures=pictures, light=True) as bench:
        found = peak(commands.prepare(bench.workspace("once")))
    print(f"prepare, {pictures:,} pictures: {found}", flush=True)
    return found


if __name__ == "__main__":
    said = options(__doc__)
    small, large = (measured(said.folder, count) for count in (said.pictures, TIMES * said.pictures))
    most, growth = max(small.together, large.together), large.together - small.together
    told(f"{most:.0f} MB", f"{MOST} MB", met=most <= MOST)
    told(f"{growth:.0f} MB more", f"{GROWTH} MB", met=growth <= GROWTH)
