"""A folder that holds Python modules: no command that is run in it imports one, in none of its processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

BIN = Path(sys.executable).parent
NAMES = ("json", "multiprocessing", "signal", "numpy", "torch", "tltpipe", "converters", "runtime", "orchestrator")
POOL = "from tltpipe import workers\nassert list(workers.parallel_map(abs, [-1, -2, -3], workers=2)) == [1, 2, 3]"
MEMBER = """
from runtime.machine import launch
from runtime.machine.cluster import Cluster
member = launch._start(Cluster(), 1, "runtime.programs.train", ["--help"])
assert member.process.wait() == 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("images", "labels"):
        (tmp_path / "data" / name).mkdir(parents=True)
    Image.new("RGB", (80, 60), (9, 90, 9)).save(tmp_path / "data/images/a.jpg")
    (tmp_path / "data/labels/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "data/data.yaml").write_text("path: .\ntrain: images\nnames: [vest]\n")
    for name in NAMES:
        (tmp_path / f"data/{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__)\n")
    (tmp_path / "programs").mkdir()
    for name, text in {"pool": POOL, "member": MEMBER}.items():
        (tmp_path / f"programs/{name}.py").write_text(text)
    return tmp_path / "data"


@pytest.mark.parametrize(
    "words",
    [
        ["tltpipe", "doctor"],
        ["tltpipe", "convert", ".", "../out", "--to", "kitti"],
        ["python", "../programs/pool.py"],
        ["python", "../programs/member.py"],
    ],
    ids=["doctor", "convert", "pool", "process of a training"],
)
def test_no_module_of_the_current_folder_is_imported(folder: Path, words: list[str]) -> None:
    done = subprocess.run([BIN / words[0], *words[1:]], cwd=folder, capture_output=True, text=True, timeout=60)
    ran = folder.with_name("ran")
    assert not ran.exists(), ran.read_text()
    assert done.returncode in (0, 6), done.stderr
