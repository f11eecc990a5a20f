"""The lines of NVIDIA's SSD notebook, three generations of them, as commands, on drawn streets.

Paths are those of the containers, mapped by TLTPIPE_MOUNTS; `tao` and `tlt` are aliases of `tltpipe tao`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import warm

from orchestrator.commands.tao import translated

pytestmark = pytest.mark.torch

pytest.importorskip("torch")
pytest.importorskip("onnx")

CLASSES = ("car", "cyclist", "pedestrian")
E, S, D = "/workspace/experiments", "/workspace/specs", "/data"
"""$USER_EXPERIMENT_DIR, $SPECS_DIR, $DATA_DOWNLOAD_DIR"""
MODEL, RETRAINED = f"{E}/unpruned/weights/ssd_resnet10_epoch_002.tlt", f"{E}/retrain/weights/ssd_resnet10_epoch_002.tlt"
PRUNED = f"{E}/pruned/ssd_resnet10_pruned.tlt"
KEY = "-k nvidia_tlt"

TLT_2 = f"""
tlt-dataset-convert -d {S}/convert.conf -o {D}/tfrecords/kitti_trainval
tlt-train ssd -e {S}/train.conf -r {E}/unpruned {KEY} --gpus 1
tlt-evaluate ssd -e {S}/train.conf -m {MODEL} {KEY}
tlt-prune -m {MODEL} -o {PRUNED} -eq intersection -pth 0.8 {KEY}
tlt-train ssd --gpus 1 -e {S}/train.conf -r {E}/retrain -m {PRUNED} {KEY}
tlt-evaluate ssd -e {S}/train.conf -m {RETRAINED} {KEY}
tlt-infer ssd -i {D}/validation/image_2 -o {E}/images -e {S}/train.conf -m {RETRAINED} -l {E}/labels {KEY}
tlt-export ssd -m {RETRAINED} {KEY} -o {E}/export/ssd.onnx -e {S}/train.conf --batch_size 16 --data_type fp32
"""
TLT_3 = f"""
tao ssd dataset_convert -d {S}/convert.conf -o {D}/tfrecords/kitti_train
tao ssd train --gpus 1 --gpu_index=0 -e {S}/train.conf -r {E}/unpruned {KEY} --use_multiprocessing
tao ssd prune --gpu_index=0 -m {MODEL} -o {PRUNED} -eq intersection -pth 0.8 {KEY}
tao ssd train --gpus 1 --gpu_index=0 -e {S}/train.conf -r {E}/retrain -m {PRUNED} {KEY}
tao ssd evaluate --gpu_index=0 -e {S}/train.conf -m {RETRAINED} {KEY}
tao ssd inference --gpu_index=0 -i {D}/validation/image_2 -o {E}/images -e {S}/train.conf -m {RETRAINED} \
-l {E}/labels {KEY}
tao ssd export --gpu_index=0 -m {RETRAINED} {KEY} -o {E}/export/ssd.onnx -e {S}/train.conf --batch_size 1 \
--data_type int8 --cal_image_dir {D}/validation/image_2 --batches 6 --cal_cache_file {E}/cal.bin --cal_data_file {E}/t
"""
TAO_5 = f"""
tao model ssd dataset_convert -d {S}/convert.conf -o {D}/tfrecords/kitti_train -r {E}/
tao model ssd train --gpus 1 --gpu_index=0 -e {S}/train.conf -r {E}/unpruned {KEY}
tao model ssd evaluate --gpu_index=0 -e {S}/train.conf -m {MODEL} {KEY}
tao model ssd inference --gpu_index=0 -i {D}/validation/image_2 -e {S}/train.conf -m {MODEL} -r {E} {KEY} -t 0.1
tao model ssd export --gpu_index=0 -m {MODEL} {KEY} -o {E}/export/ssd.onnx -e {S}/train.conf --gen_ds_config
"""
GENERATIONS = {"tlt2": ("tlt2", (), TLT_2), "tlt3": ("tlt3", CLASSES, TLT_3), "tao5": ("tlt3", CLASSES, TAO_5)}
PROGRAMS = Path(sys.executable).parent


def commands(text: str, *, installed: bool) -> list[list[str]]:
    """The argv of each line, with the aliases replaced: of the ``installed`` programs, or of the same without start."""
    lines = [shlex.split(line) for line in text.strip().splitlines()]
    if installed:
        aliases = {"tao": [str(PROGRAMS / "tltpipe"), "tao"]}
        return [[*aliases.get(first, [str(PROGRAMS / first)]), *rest] for first, *rest in lines]
    ours = [translated(rest) if first == "tao" else [first, *rest] for first, *rest in lines]
    return [[*warm.command(first), *rest] for first, *rest in ours]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_lines_of_the_notebook_run_to_the_end(street: Any, tmp_path: Path, generation: str) -> None:
    dialect, classes, lines = GENERATIONS[generation]
    street.training(dialect)
    street.conversion(classes=classes)
    (tmp_path / "experiments").mkdir()
    mounts = f"/data={street.root}:{E}={tmp_path / 'experiments'}:{S}={street.root / 'specs'}"
    environment = {**os.environ, "TLTPIPE_MOUNTS": mounts}
    for argv in commands(lines, installed=generation == "tao5"):
        done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    out = tmp_path / "experiments"
    pictures = {path.stem for path in street.pictures.iterdir()}
    assert {path.stem for path in (out / "labels").glob("*.txt")} == pictures
    drawn = out / ("images_annotated" if generation == "tao5" else "images")
    assert {path.stem for path in drawn.iterdir()} == pictures
    assert (out / "export/labels.txt").read_text().splitlines() == ["background", *CLASSES]
    assert (out / "export/ssd.onnx").stat().st_size < (12e6 if generation == "tlt3" else 40e6), "int8 is a quarter"
