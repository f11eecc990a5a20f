"""Text in: what protobuf takes we take, and what it refuses is refused at the same place, in better words."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from refusals import error_of

import specs
from specs import dialects, prototext
from tltpipe.errors import SpecError

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "proto_text.json").read_text())
LEFT_OUT = {"float_20F"}
"""A spelling that later versions of protobuf take."""
TELLS_ANOTHER_PLACE = {"missing_close": "1:1"}


KINDS = {specs.load(name).MESSAGE: name for name in ("augment", "dataset_convert", "ssd")}


def read(text: str, kind: str) -> specs.Spec:
    dialect, _ = dialects.choose(specs.load(kind), text)
    return prototext.parse(text, dialects.message(dialect, specs.load(kind).MESSAGE), source="case")


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for case in GOLDEN["parse"] if case["name"] not in LEFT_OUT]
)
def test_agrees_with_protobuf(case: dict[str, Any]) -> None:
    if "ok" in case:
        spec = read(case["text"], KINDS[case["message"]])
        assert MessageToDict(spec.message, preserving_proto_field_name=True) == case["ok"]
        return
    problem = error_of(SpecError, read, case["text"], KINDS[case["message"]])
    place = re.search(r"ParseError: (\d+:\d+) :", case["error"])
    assert str(problem.where) == "case:" + TELLS_ANOTHER_PLACE.get(case["name"], place[1])


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        (
            "training_config {\n  num_epoch: 3 }",
            'case:2:3: training_config has no field "num_epoch"; did you mean',
            None,
        ),
        (
            "training_config {\n\ttop_k: 3 }",
            '2:2: training_config has no field "top_k"; it belongs in nms_config',
            "fields of training_config: batch_size_per_gpu, checkpoint",
        ),
        (
            "training_config { batch_size: 3 }",
            '1:19: training_config has no field "batch_size"',
            "belongs in eval_config",
        ),
        (
            "training_config {\n  num_epochs: 3\neval_config { }",
            '3:1: training_config has no field "eval_config"',
            'is the "}"',
        ),
        (
            "ssd_config {\n focal_loss_alpha: 1 focal_loss_gamma: 2 alpha: 1 }",
            "2:42: ssd_config has no",
            "by its focal_loss_alpha in line 2",
        ),
        (
            "dataset_config { data_sources { foo: 1 } }",
            'case:1:33: data_sources has no field "foo"',
            "fields of data_sources: image_dir",
        ),
        ("colour: 1", 'case:1:1: the spec has no field "colour"', "fields of the spec: augmentation_config,"),
        ('training_config { num_epochs: "ten" }', 'num_epochs takes a whole number, 0 or more, not "ten"', None),
        ('training_config { num_epochs: "10" }', "num_epochs takes a whole number", "num_epochs: 10, without quotes"),
        ("random_seed: 4294967296", "a whole number, 0 or more, not 4294967296", "the largest is 4294967295"),
        ('eval_config { average_precision_mode: "SAMPLE" }', "takes SAMPLE or INTEGRATE", "without quotes"),
        ("training_config { num_epochs: 2.0 }", "num_epochs takes a whole number, 0 or more, not 2.0", None),
        ("training_config { num_epochs: -1 }", "num_epochs takes a whole number, 0 or more, not -1", None),
        ("nms_config { top_k: }", 'top_k takes a whole number, 0 or more, not "}"', None),
        ("nms_config { top_k:", "top_k takes a whole number, 0 or more, not the end of the file", None),
        ("eval_config { matching_iou_threshold: half }", "matching_iou_threshold takes a number, not half", None),
        ("ssd_config { freeze_bn: TRUE }", "freeze_bn takes true or false, not TRUE", "write true"),
        ("ssd_config { arch: resnet }", "arch takes text in quotes, not resnet", 'write arch: "resnet"'),
        ("ssd_config { scales: [1.0] }", 'scales takes text in quotes, not "["', "lists are written as text: scales:"),
        ("training_config { regularizer { type: l1 } }", "type takes NO_REG, L1 or L2, not l1", 'did you mean "L1"?'),
        ("training_config: 5", 'case:1:18: training_config takes fields in braces, "{ ... }", not 5', None),
        ("ssd_config {\n nlayers 18 }", 'case:2:10: nlayers needs a ":" before its value', None),
        ("nms_config {\n}\neval_config {\n", 'case:3:1: eval_config is never closed: a "}" is missing', None),
        ("nms_config { } }", 'case:1:16: there is nothing to close here: one "}" too many', None),
        ("nms_config { >", 'case:1:14: there is nothing to close here: one ">" too many', None),
        ('ssd_config { arch: "resnet\n }', "1:20: the text of arch has no closing quotation mark", None),
        ("ssd_config { freeze_blocks: [0 1] }", '1:32: "," or "]" is expected in the list of freeze_blocks', None),
        ("nms_config { top_k: 1 // most\n }", "1:23: a field name is expected", "comments start with #"),
        ("\ufeffrandom_seed: 1", "1:1: the file starts with a byte order mark", "UTF-8 without a byte order mark"),
        ("", "case: the spec is empty", None),
        (" \r\n", "case: the spec is empty", None),
    ],
)
def test_complaints(text: str, complaint: str, hint: str | None) -> None:
    error = error_of(SpecError, specs.parse_text, text, "ssd", source="case")
    assert complaint in str(error)
    assert error.hint is None if hint is None else hint in str(error.hint)
    assert error.exit_code == 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def complaint(path: Path) -> SpecError:
        return error_of(SpecError, specs.parse, path, "ssd")

    (tmp_path / "train.conf").write_bytes(b"random_seed: 1\n# caf\xe9\n")
    assert str(complaint(tmp_path)) == f"{tmp_path}: this is a folder, a spec file is needed"
    missing = complaint(tmp_path / "trian.conf")
    assert missing.what == "there is no such spec file"
    assert missing.hint == f'did you mean "{tmp_path / "train.conf"}"?'
    assert complaint(tmp_path / "no" / "train.conf").hint == f"there is no folder {tmp_path / 'no'}"
    assert (
        str(complaint(tmp_path / "train.conf")) == f"{tmp_path / 'train.conf'}:2:6: this is not UTF-8 text (byte 0xe9)"
    )
    assert "cannot be read" in str(complaint(Path("a\0b")))
    (tmp_path / "empty.conf").touch()
    assert complaint(tmp_path / "empty.conf").what == "the spec is empty"


def test_paths_are_told_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.conf").write_text("seed: 1")
    monkeypatch.chdir(tmp_path)
    assert str(error_of(SpecError, lambda: specs.parse(Path("train.conf"), "ssd"))).startswith("train.conf:1:1: ")


def test_where_a_field_stands() -> None:
    text = """
ssd_config {
  nlayers: 10  # twice: the last one counts
  nlayers: 18
  freeze_blocks: [0, 1]
  freeze_blocks: 2
}
dataset_config {
  data_sources: < tfrecords_path: "a" "b" >
  data_sources { tfrecords_path: 'c' }
  target_class_mapping { key: "vest" value: "top" }
}
"""
    spec = read(text, "ssd")
    assert str(spec.where("ssd_config")) == "case:2:1"
    assert str(spec.where("ssd_config.nlayers")) == "case:4:3"
    assert str(spec.where("ssd_config.freeze_blocks")) == "case:5:3"
    assert str(spec.where("ssd_config.freeze_blocks[1]")) == "case:5:3"
    assert str(spec.where("ssd_config.freeze_blocks[2]")) == "case:6:3"
    assert str(spec.where("dataset_config.data_sources[0].tfrecords_path")) == "case:9:19"
    assert str(spec.where("dataset_config.data_sources[1].tfrecords_path")) == "case:10:18"
    assert str(spec.where("dataset_config.target_class_mapping[0].value")) == "case:11:38"
    assert str(spec.where('dataset_config.target_class_mapping["vest"]')) == "case:11:3"
    # Not written: the nearest around it.
    assert str(spec.where("dataset_config.data_sources[1].image_directory_path")) == "case:10:3"
    assert str(spec.where("ssd_config.scales")) == "case:2:1"
    assert str(spec.where("nms_config.top_k")) == "case"
    assert str(spec.where('dataset_config.target_class_mapping["a.b[0]"]')) == "case:11:3"
    assert spec.is_set("ssd_config.nlayers")
    assert not spec.is_set("ssd_config.arch")
    assert str(spec.error("ssd_config.nlayers", "too deep", hint="dig")) == "case:4:3: too deep"


def test_zero_written_is_not_unset() -> None:
    spec = read("ssd_config { nlayers: 0 }", "ssd")
    assert spec.is_set("ssd_config.nlayers")


def test_dump_reads_back() -> None:
    mapping = 'dataset_config { target_class_mapping { key: "a" value: "b" } }'
    text = 'ssd_config { arch: "r\\"\\\\é\\n" nlayers: 18 }' + mapping
    spec = dataclasses.replace(read(text, "ssd"), kind="ssd")
    assert read(specs.dump(spec), "ssd").message == spec.message
