"""Specs of NVIDIA's other networks and tools: told from the names in them, so that they are called what they are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from specs import codes, dialects
from tltpipe.errors import Location, SpecError

_OURS = ("ssd_config", "dssd_config")
_TRAIN_SSD = "tltpipe trains SSD on the same data: `tltpipe spec new --from DATA -o train.conf` writes its spec"
_MIGRATE = "`tltpipe spec migrate {0} --to tltpipe -o train.yaml` makes one of it that is trained here"


@dataclass(frozen=True)
class Kind:
    """``fields`` are all in such a spec, and not all in any other; ``hint`` is what can be done with it, whose file is
    ``{0}``, or with its data here."""

    name: str
    fields: tuple[str, ...]
    hint: str = _TRAIN_SSD


PROTO_TEXT = (
    Kind("yolo_v3", ("yolov3_config",), _MIGRATE),
    Kind("yolo_v3", ("yolo_config",), _MIGRATE),
    Kind("yolo_v4", ("yolov4_config",), _MIGRATE),
    Kind("retinanet", ("retinanet_config",)),
    Kind("efficientdet", ("efficientdet_config",)),
    Kind("mask_rcnn", ("maskrcnn_config",), _MIGRATE),
    Kind("detectnet_v2", ("bbox_rasterizer_config",)),
    Kind("detectnet_v2", ("cost_function_config",)),
    Kind("detectnet_v2 (inference)", ("inferencer_config",)),
    Kind("detectnet_v2", ("objective_set",)),
    Kind("efficientdet", ("model_config", "model_name")),
    Kind("efficientdet", ("dataset_config", "training_file_pattern")),
    Kind("mask_rcnn", ("data_config", "training_file_pattern"), _MIGRATE),
    Kind("faster_rcnn", ("model_config", "input_image_config"), _MIGRATE),
    Kind("faster_rcnn", ("network_config", "input_image_config"), _MIGRATE),
    Kind("faster_rcnn", ("enc_key",), _MIGRATE),
    Kind("faster_rcnn", ("model_config", "anchor_box_config"), _MIGRATE),
    Kind("unet", ("data_class_config",), _MIGRATE),
    Kind("unet", ("model_config", "model_input_height"), _MIGRATE),
    Kind("unet", ("model_config", "model_input_width"), _MIGRATE),
    Kind("unet", ("train_images_path",), _MIGRATE),
    Kind("lprnet", ("lpr_config",), "tltpipe has no network that reads number plates"),
    Kind("multitask_classification", ("train_csv_path",), _MIGRATE),
    Kind("classification", ("train_dataset_path",), "tltpipe has no network for classes of whole images"),
    Kind("another network of NVIDIA's", ("model_config",)),
    Kind("another network of NVIDIA's", ("network_config",)),
)
"""The more telling first. Sections that several networks have ("nms_config") tell nothing."""

_CONVERT = "tltpipe converts such data: `tltpipe convert SRC DST --to FORMAT`"
YAML = (
    Kind("TAO's data services, annotations", ("input_format", "output_format"), _CONVERT),
    Kind("TAO's data services, analytics", ("data", "graph"), "tltpipe looks into data: `tltpipe stats DATA`"),
    Kind("TAO's data services, auto-labeling", ("gpu_ids", "autolabel_type"), "tltpipe infer labels images"),
    Kind("TAO's networks in YAML (PyTorch, TensorFlow 2)", ("model", "train"), _TRAIN_SSD),
    Kind("TAO's networks in YAML (PyTorch, TensorFlow 2)", ("model", "dataset"), _TRAIN_SSD),
)

_KEY = re.compile(r"^[ \t]*(?:-[ \t]+)?[\"']?([A-Za-z_][\w-]*)[\"']?[ \t]*:(?=[ \t]|$)", re.MULTILINE)
_MARK = re.compile(r"^(?:---|[A-Za-z_]\w*:[ \t]*(?:#.*)?$)", re.MULTILINE)
"""Where YAML differs from text specs: a document's mark, or a key with nothing behind its colon."""


def is_yaml(text: str) -> bool:
    """Whether ``text`` is meant as YAML, right or wrong."""
    return _MARK.search(text) is not None


def is_foreign(text: str) -> bool:
    """Whether ``text`` is a spec of another network or tool than those here."""
    return next(_found(text), None) is not None


def refuse(text: str, source: Path | str) -> None:
    """Raise SpecError where ``text`` is a spec of another network or tool than those here, with what it is."""
    for kind, line in _found(text):
        form = " in TAO's form" if kind.hint == _MIGRATE else ""
        what = f"this is a spec of {kind.name}{form}, by its {kind.fields[0]}"
        hint = kind.hint.format(shlex.quote(str(source)))
        raise SpecError(what, where=Location(source, line, 1), hint=hint, code=codes.OTHER_KIND)


def identify(text: str) -> str | None:
    """The name of the network or tool of NVIDIA's that ``text`` is a spec of; None where it is none of another."""
    return next((kind.name for kind, _ in _found(text)), None)


def _found(text: str) -> Iterator[tuple[Kind, int]]:
    """Kinds whose fields are all in ``text``, each with the line of the first of these."""
    kinds: Sequence[Kind] = PROTO_TEXT
    if is_yaml(text):
        lines = {match[1]: text.count("\n", 0, match.start(1)) + 1 for match in reversed(list(_KEY.finditer(text)))}
        kinds = YAML
    else:
        lines = {token.text: token.line for token in reversed(list(dialects.written(text)))}
    if any(section in lines for section in _OURS):
        return
    for kind in kinds:
        if all(name in lines for name in kind.fields):
            yield kind, lines[kind.fields[0]]
