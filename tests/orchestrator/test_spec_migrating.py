"""tltpipe spec migrate as a user meets it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from orchestrator.cli import app

DATA = Path(__file__).parents[1] / "data"
SEEDS = DATA / "seed-specs"
TRAIN, AUGMENT, CONVERT = (
    SEEDS / name for name in ("training.conf", "KITTI-augmentation.conf", "KITTI_dataset_conversion.conf")
)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["spec", *map(str, arguments)])


def test_from_tlt2_to_specs_that_tao5_takes(tmp_path: Path) -> None:
    train, augment, convert = (tmp_path / name for name in ("train.conf", "augment.yaml", "convert.conf"))
    done = run("migrate", TRAIN, "--to", "tao5", "-o", train, "--validation", "/workspace/validation")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert f"{TRAIN}:7: ssd_config.loss_loc_weight becomes ssd_config.alpha: 0.8" in lines
    assert (
        "matches index files"
        in lines[lines.index(f"{TRAIN}:70: dataset_config.data_sources[0].tfrecords_path stays") + 1]
    )
    lost = lines.index(f"{TRAIN}:9: ssd_config.focal_loss_gamma has no counterpart, and becomes a comment")
    assert "softmax" in lines[lost + 1]
    assert f"tltpipe spec check {train} --toolkit tao5" in lines[-2]
    assert lines[-1].startswith("its command line: as specs/train.conf of a workspace, by tltpipe train --toolkit tao5")
    assert run("migrate", AUGMENT, "--to", "tao5", "-o", augment, "--dataset", "/d").exit_code == 0
    assert run("migrate", CONVERT, "--to", "tao5", "-o", convert, "--mapping", train).exit_code == 0
    checked = run("check", train, augment, convert, "--toolkit", "tao5", "--json")
    assert checked.exit_code == 0, checked.output
    assert [file["dialect"] for file in json.loads(checked.stdout)["files"]] == ["tlt3", "tao5", "tlt2"]
    back = tmp_path / "back.conf"
    assert run("migrate", train, "--to", "tlt2", "-o", back).exit_code == 0
    assert run("diff", TRAIN, back).output.strip() == "no difference in meaning"


def test_the_pipeline_trains_by_a_migrated_spec(tmp_path: Path) -> None:
    """The command line of the container comes of the line that the migration ends with."""
    spec = tmp_path / "specs/train.conf"
    done = run("migrate", TRAIN, "--to", "tao5", "-o", spec, "--validation", "/workspace/validation")
    assert done.exit_code == 0
    words = shlex.split(done.output.splitlines()[-1].removeprefix("its command line: tltpipe "))
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "$ ssd train --gpus 1 -e /workspace/specs/train.conf -r /workspace/output" in shown.output
    assert 'label_directory_path: "/workspace/validation/labels"' in shown.output


def test_without_a_file_the_spec_is_all_of_standard_output(tmp_path: Path) -> None:
    done = run("migrate", TRAIN, "--to", "tlt3")
    assert done.exit_code == 0
    (tmp_path / "train.conf").write_text(done.stdout)
    assert run("check", tmp_path / "train.conf").exit_code == 0
    assert "validation_fold" in done.stderr
    assert (
        f"warning: {TRAIN} as a spec of tao5" not in run("migrate", TRAIN, "--to", "tao5", "-o", tmp_path / "x").output
    )
    same = run("migrate", TRAIN, "--to", "tltpipe")
    assert (same.exit_code, same.stdout) == (0, TRAIN.read_text())
    assert "nothing to migrate" in same.stderr


def test_the_answer_in_json(tmp_path: Path) -> None:
    target = tmp_path / "new.conf"
    answer = json.loads(run("migrate", TRAIN, "--to", "tao5", "-o", target, "--json").stdout)
    assert (answer["written"], answer["kind"], answer["dialect"], answer["to"]) == (str(target), "ssd", "tlt3", "tao5")
    assert answer["text"] == target.read_text()
    (lost,) = [each for each in answer["changes"] if each["path"] == "dataset_config.validation_fold"]
    assert (lost["new_path"], lost["line"]) == (None, 129)


def test_what_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "new.conf"
    target.write_text("mine")
    assert run("migrate", TRAIN, "--to", "tao5", "-o", target).exit_code == 2
    assert target.read_text() == "mine"
    assert run("migrate", TRAIN, "--to", "tao5", "-o", target, "--force").exit_code == 0
    assert run("migrate", TRAIN, "--to", "tao5", "-o", tmp_path).exit_code == 2
    other = run("migrate", TRAIN, "--to", "tao6")
    assert (other.exit_code, "tlt2, tlt3, tao5, tltpipe" in other.output) == (2, True)
    assert run("migrate", tmp_path / "none.conf", "--to", "tao5").exit_code == 2
    assert "--mapping" in run("migrate", CONVERT, "--to", "tao5").stderr
    unmapped = run("migrate", CONVERT, "--to", "tao5", "--mapping", AUGMENT)
    assert (unmapped.exit_code, f"{AUGMENT}: " in unmapped.output) == (2, True)
    broken = tmp_path / "broken.conf"
    broken.write_text(TRAIN.read_text().replace("num_epochs: 100", "num_epochs: many"))
    refused = run("migrate", broken, "--to", "tao5", "-o", tmp_path / "x.conf")
    assert (refused.exit_code, f"{broken}:18:15" in refused.output) == (2, True)
    assert not (tmp_path / "x.conf").exists()


def test_a_spec_of_another_network_on_other_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert CliRunner().invoke(app, ["sample", str(data), "--train", "4", "--validation", "2"]).exit_code == 0
    old, new = DATA / "tao-specs/yolo_v4.txt", tmp_path / "new.yaml"
    done = run("migrate", old, "--to", "tltpipe", "-o", new, "--data", data)
    assert done.exit_code == 0, done.output
    checked = json.loads(run("check", new, "--json").stdout)
    assert [(file["kind"], file["valid"]) for file in checked["files"]] == [("yolox", True)]
    assert str(data) in new.read_text()
