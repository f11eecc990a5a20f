"""How long ``tltpipe --help`` takes, beside a bare interpreter that imports typer."""

import sys

from measure import BIN, best_of, command, show

if __name__ == "__main__":
    floor = best_of(10, command([sys.executable, "-c", "import typer"]))
    show("tltpipe --help", best_of(10, command([BIN / "tltpipe", "--help"])), floor="import typer", floor_seconds=floor)
