"""Waiting for a disk on which creating files has become slow.

ext4 without a journal takes no inode again that was freed in the last minutes, and looks at each such inode anew for
every file it creates: after tens of thousands of deletions (an earlier benchmark's, say) creating a file takes ten
times as long for up to five minutes. Both sides of a ratio would then be little else.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

QUICK = 40e-6
"""Seconds to create a small file on a disk at rest, and some to spare."""
FILES, PAUSE, PATIENCE = 1000, 20.0, 330.0


def wait(folder: Path) -> None:
    """Return when files are created quickly below ``folder``, or as quickly three times in a row, or after minutes."""
    start, took = time.monotonic(), list[float]()
    while True:
        took.append(_seconds(folder / f"probe{len(took)}"))
        slow = max(took[-3:]) > 1.2 * min(took[-3:]) or len(took) < 3
        if took[-1] < QUICK or not slow or time.monotonic() - start > PATIENCE:
            return
        print(f"creating a file takes {1e6 * took[-1]:.0f} us here: waiting for the disk to rest", file=sys.stderr)
        time.sleep(PAUSE)


def _seconds(folder: Path) -> float:
    """What one of ``FILES`` new files takes. They stay: to delete them would disturb the disk again."""
    folder.mkdir()
    start = time.perf_counter()
    for number in range(FILES):
        (folder / str(number)).write_bytes(b"x" * 200)
    return (time.perf_counter() - start) / FILES
