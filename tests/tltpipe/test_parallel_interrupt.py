"""Ctrl-C reaches every process of a terminal's job: the map must end, and quietly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import itertools, sys
from tltpipe.workers import parallel_map

if __name__ == "__main__":
    try:
        for number in parallel_map(abs, itertools.count(), workers=2):
            if number == 0:
                print("started", flush=True)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_interrupt_of_the_whole_group_ends_without_a_word(tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    for seconds in (0.0, 0.1):
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        try:
            assert process.communicate(timeout=30)[0] == "interrupted\n"
        finally:
            process.kill()
