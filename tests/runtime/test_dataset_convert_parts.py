"""tlt-dataset-convert by several runs: the parts of a job array, and a run that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from runtime.conversion import shards
from tltpipe.errors import HostError
from tltpipe.executors import VARIABLE

ROOT = Path(__file__).parents[2]
CHILD = """
import os, signal, sys
from runtime.conversion import work
from runtime.programs.dataset_convert import main

work.FRAMES = 4
parallel_map, most = work.parallel_map, int(sys.argv[2])

def watched(*words, **options):
    for number, each in enumerate(parallel_map(*words, **options)):
        if number == most:
            os.kill(os.getpid(), signal.SIGKILL)
        yield each

work.parallel_map = watched
sys.exit(main(["-d", "convert.conf", "-o", sys.argv[1] + "/tfr", "--workers", "2"]))
"""
SPEC = """\
kitti_config {
  root_directory_path: "data" image_dir_name: "image" label_dir_name: "label" image_extension: ".png"
  partition_mode: "random" num_partitions: 2 val_split: 20 num_shards: 3
}
image_directory_path: "data"
"""
LABEL = "{name} 0.00 0 0.00 1 2 11.5 12 0 0 0 0 0 0 0\n"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, their spec, and in ``whole`` what one run makes of them."""
    folder = tmp_path_factory.mktemp("parts")
    for name in ("image", "label"):
        (folder / "data" / name).mkdir(parents=True)
    for number in range(120):
        Image.new("L", (24, 16)).save(folder / "data" / "image" / f"{number:03d}.png")
        (folder / "data" / "label" / f"{number:03d}.txt").write_text(LABEL.format(name="vest"))
    (folder / "convert.conf").write_text(SPEC)
    assert start(folder, "whole").wait() == 0
    assert len(tree(folder / "whole")) == 6
    return folder


def start(work: Path, output: str, executor: str = "", *, stretches: int = -1) -> subprocess.Popen[bytes]:
    """A run, which is killed after so many ``stretches``."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), VARIABLE: executor}
    return subprocess.Popen([sys.executable, "-c", CHILD, output, str(stretches)], cwd=work, env=environment)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("_summary.json")}


def test_killed_it_goes_on_and_ends_in_the_same_bytes(work: Path) -> None:
    journal = work / "killed" / ".tfr.journal"
    for stretches in (5, 20):
        assert start(work, "killed", stretches=stretches).wait() == -signal.SIGKILL
        assert len(list(journal.glob("0*[0-9]"))) >= stretches
    assert start(work, "killed").wait() == 0
    assert tree(work / "killed") == tree(work / "whole")


def test_parts_in_any_order_and_then_no_frame_is_read_again(work: Path) -> None:
    running = [start(work, "parts", f"array:{part}/3") for part in (2, 0, 1)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert [path for path in (work / "parts").iterdir() if not path.name.startswith(".")] == []
    for path in (work / "data" / "label").iterdir():  # as none of them may be read again, nobody sees this
        state = path.stat()
        path.write_text(LABEL.format(name="coat"))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert start(work, "parts").wait() == 0
    assert tree(work / "parts") == tree(work / "whole")


def test_a_record_file_is_one_attempts_own(tmp_path: Path) -> None:
    """Also where an earlier attempt, which was given up, goes on writing."""
    with shards.staged(shards.Prefix(tmp_path, "tfr"), "work", [], print) as place:
        with place.record_file("tfr") as old:
            with place.record_file("tfr") as new:
                new.write(b"whole")
                old.write(b"who")
            assert (place.folder / "tfr").read_bytes() == b"whole"
            old.write(b"le")
        assert (place.folder / "tfr").read_bytes() == b"whole"
        lock = place.journal.hold.path
        text = lock.read_text()
        with pytest.raises(HostError, match="taken over"), place.record_file("tfr-2") as late:
            late.write(b"?")
            lock.write_text("another holder")
        lock.write_text(text)
        assert [path.name for path in place.folder.iterdir()] == ["tfr"]
