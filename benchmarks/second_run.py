"""``tltpipe run`` when nothing changed, beside ``tltpipe --help``. Give it the folder of a finished run."""

import sys
from pathlib import Path

from measure import BIN, best_of, command, show

if __name__ == "__main__":
    workspace = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    floor = best_of(5, command([BIN / "tltpipe", "--help"]))
    seconds = best_of(5, command([BIN / "tltpipe", "run"], cwd=workspace))
    show("a second tltpipe run", seconds, floor="tltpipe --help", floor_seconds=floor)
