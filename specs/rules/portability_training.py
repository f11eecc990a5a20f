"""What NVIDIA's training of SSD and DSSD refuses, ignores or does otherwise than the spec reads."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding, value_at
from specs.extensions import AUTO, dotted
from specs.rulebook import Subject, rule
from specs.rules.portability import LATER, NVIDIA, section
from specs.spec import Spec

KINDS = ("ssd", "dssd")
TRAINING, AUGMENTATION, DATA = "training_config", "augmentation_config", "dataset_config"
COSINE = f"{TRAINING}.learning_rate.soft_start_cosine_annealing_schedule"
STOPPING = f"{TRAINING}.early_stopping"
DIFFICULT = f"{DATA}.include_difficult_in_training"


def network(spec: Spec) -> str:
    """The path of the section about the network."""
    return "dssd_config" if spec.is_set("dssd_config") else "ssd_config"


def written(spec: Spec, path: str) -> float:
    """The number at ``path``; 0, which is nothing to protobuf, where it is not written."""
    parent, _, name = path.rpartition(".")
    holder = section(spec, parent)
    return getattr(holder, name, 0) if holder is not None and spec.is_set(path) else 0


@rule(
    "S511",
    "error",
    title="`neg_pos_ratio` is written, by which NVIDIA's training ends with a type error",
    fix="leave it out: 3 is used",
    kinds=KINDS,
    toolkits=LATER,
)
def negatives(subject: Subject) -> Iterator[Finding]:
    path = f"{network(subject.spec)}.neg_pos_ratio"
    if written(subject.spec, path):
        yield Finding(path, "neg_pos_ratio ends NVIDIA's training with a type error", "leave it out: 3 is used")


@rule(
    "S512",
    "error",
    title="a cosine schedule, which NVIDIA's SSD refuses",
    fix="write `soft_start_annealing_schedule`",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def cosine(subject: Subject) -> Iterator[Finding]:
    if section(subject.spec, COSINE) is not None:
        yield Finding(COSINE, "NVIDIA's SSD refuses the cosine schedule", "write soft_start_annealing_schedule")


@rule(
    "S514",
    "error",
    title="early stopping by the validation loss without a validation after every epoch",
    fix='write `validation_period_during_training: 1`, or `monitor: "loss"`',
    kinds=KINDS,
    toolkits=LATER,
)
def stopping(subject: Subject) -> Iterator[Finding]:
    config, period = section(subject.spec, STOPPING), "eval_config.validation_period_during_training"
    if config is not None and config.monitor != "loss" and written(subject.spec, period) > 1:
        what = f"NVIDIA's early stopping by {config.monitor} needs a validation after every epoch"
        yield Finding(period, what, "write validation_period_during_training: 1")


@rule(
    "S515",
    "error",
    title="`random_flip: 1`, which NVIDIA's SSD refuses",
    fix="write a number below 1",
    kinds=KINDS,
    toolkits=LATER,
)
def always_flipped(subject: Subject) -> Iterator[Finding]:
    path = f"{AUGMENTATION}.random_flip"
    if written(subject.spec, path) >= 1:
        yield Finding(path, "NVIDIA's SSD takes a random_flip below 1 only", "write 0.99 for nearly always")


@rule(
    "S516",
    "warning",
    title="`optimizer`, which NVIDIA's SSD ignores: it always trains by SGD with a momentum of 0.9",
    fix="leave `optimizer` out",
    kinds=KINDS,
    toolkits=LATER,
)
def optimizer(subject: Subject) -> Iterator[Finding]:
    path = f"{TRAINING}.optimizer"
    config = section(subject.spec, path)
    chosen = config.WhichOneof("optimizer") if config is not None else None
    if chosen is not None and not (chosen == "sgd" and _plain_sgd(subject.spec, f"{path}.sgd")):
        yield Finding(f"{path}.{chosen}", f"{chosen} is ignored: NVIDIA trains SSD by SGD with a momentum of 0.9")


def _plain_sgd(spec: Spec, path: str) -> bool:
    """Whether this SGD is the one that NVIDIA has."""
    sgd = section(spec, path)
    return (
        sgd is not None and not sgd.nesterov and (not spec.is_set(f"{path}.momentum") or f"{sgd.momentum:g}" == "0.9")
    )


@rule(
    "S517",
    "warning",
    title="`model_ema`, which NVIDIA's SSD ignores",
    fix="leave it out",
    kinds=KINDS,
    toolkits=LATER,
)
def average(subject: Subject) -> Iterator[Finding]:
    path = f"{TRAINING}.model_ema"
    if written(subject.spec, path):
        yield Finding(path, "model_ema is ignored: NVIDIA's SSD keeps no moving average of the weights")


@rule(
    "S518",
    "warning",
    title="`include_difficult_in_training: false`, which changes nothing: NVIDIA's SSD always trains on them",
    fix="take objects with an occlusion out of the labels, where they should not be trained on",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def difficult(subject: Subject) -> Iterator[Finding]:
    if subject.spec.is_set(DIFFICULT) and not subject.spec.message.dataset_config.include_difficult_in_training:
        what = "include_difficult_in_training: false changes nothing: NVIDIA trains on difficult objects, too"
        yield Finding(DIFFICULT, what)


@rule(
    "S519",
    "warning",
    title="`checkpoint_interval` does not divide `num_epochs`: NVIDIA's programs save no checkpoint of the last epochs",
    fix="choose numbers of which one divides the other",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def last_checkpoint(subject: Subject) -> Iterator[Finding]:
    training = section(subject.spec, TRAINING)
    if training is None or not training.num_epochs % max(1, training.checkpoint_interval):
        return
    last = training.num_epochs - training.num_epochs % training.checkpoint_interval
    saved = f"the last checkpoint is that of epoch {last}" if last else "no checkpoint is saved"
    path = f"{TRAINING}.checkpoint_interval"
    yield Finding(path, f"{training.checkpoint_interval} does not divide num_epochs, {training.num_epochs}: {saved}")


@rule(
    "S520",
    "warning",
    title="`steps` or `offsets`, which NVIDIA's checkpoints forget: evaluation, export and resuming use the defaults",
    fix="leave them out",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def forgotten(subject: Subject) -> Iterator[Finding]:
    for name in ("steps", "offsets"):
        if subject.spec.is_set(path := f"{network(subject.spec)}.{name}"):
            what = f"{name} is not stored with the model: what loads it again has its boxes elsewhere"
            yield Finding(path, what, f"leave {name} out")


@rule(
    "S525",
    "warning",
    title="classes in mixed case, which NVIDIA's SSD sorts in two ways: figures appear under other names",
    fix="write the values of `target_class_mapping` in lower case",
    kinds=KINDS,
    toolkits=LATER,
)
def class_case(subject: Subject) -> Iterator[Finding]:
    for source, target in sorted(subject.spec.message.dataset_config.target_class_mapping.items()):
        if target != target.lower():
            what = f'"{target}" is sorted as written for names, and in lower case for ids: figures may change places'
            yield Finding(f'{DATA}.target_class_mapping["{source}"]', what, f'write "{target.lower()}"')


@rule(
    "S526",
    "warning",
    title="a key of `target_class_mapping` that is not in lower case, as the records hold class names",
    fix="write the key in lower case",
    kinds=KINDS,
    toolkits=("tlt2",),
)
def key_case(subject: Subject) -> Iterator[Finding]:
    for source in sorted(subject.spec.message.dataset_config.target_class_mapping):
        if source != source.lower():
            what = f'"{source}" matches nothing for NVIDIA: records hold class names in lower case'
            yield Finding(f'{DATA}.target_class_mapping["{source}"]', what, f'write "{source.lower()}"')


@rule(
    "S527",
    "note",
    title="`enable_qat`, by which only models trained with it can be loaded",
    fix="give it the value that the model was trained with",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def quantisation(subject: Subject) -> Iterator[Finding]:
    if written(subject.spec, f"{TRAINING}.enable_qat"):
        yield Finding(f"{TRAINING}.enable_qat", "enable_qat must be what the loaded model was trained with, or it ends")


@rule(
    "S528",
    "note",
    title="`clip_boxes`, which ends anchors one pixel before the border",
    fix="nothing needs to be done",
    kinds=KINDS,
    toolkits=NVIDIA,
)
def clipped(subject: Subject) -> Iterator[Finding]:
    if written(subject.spec, path := f"{network(subject.spec)}.clip_boxes"):
        yield Finding(path, "NVIDIA clips anchors to width - 1 and height - 1, one pixel short of the border")


@rule(
    "S529",
    "note",
    title="`min_delta` of a validation loss, which NVIDIA's SSD multiplies by the batch size of the evaluation",
    fix="multiply `min_delta` by `eval_config.batch_size`",
    kinds=KINDS,
    toolkits=LATER,
)
def scaled_delta(subject: Subject) -> Iterator[Finding]:
    config, batch = section(subject.spec, STOPPING), written(subject.spec, "eval_config.batch_size")
    if config is not None and config.monitor != "loss" and config.min_delta and batch > 1:
        what = f"NVIDIA's validation loss is {batch} times as large, by eval_config.batch_size, as min_delta may mean"
        yield Finding(f"{STOPPING}.min_delta", what)


@rule(
    "S530",
    "warning",
    title="sides of the input that are no multiples of 32, which TLT 2.0 needs",
    fix="write multiples of 32, and resize images and labels to them (augment)",
    kinds=KINDS,
    toolkits=("tlt2",),
)
def multiples(subject: Subject) -> Iterator[Finding]:
    for side in ("width", "height"):
        path = f"{AUGMENTATION}.preprocessing.output_image_{side}"
        value = int(written(subject.spec, path))
        if value % 32:
            near = max(64, round(value / 32) * 32)
            yield Finding(path, f"output_image_{side} {value} is no multiple of 32", f"write {near}")


@rule(
    "S531",
    "error",
    title='`image_extension: "auto"`, which NVIDIA\'s programs do not know: they find no images',
    fix="write the extension of the images",
    kinds=(*KINDS, "augment", "dataset_convert"),
    toolkits=NVIDIA,
)
def extension(subject: Subject) -> Iterator[Finding]:
    for path in ("image_extension", f"{DATA}.image_extension", "kitti_config.image_extension"):
        if subject.spec.is_set(path) and dotted(str(value_at(subject.spec, path))) is None:
            yield Finding(path, f'"{AUTO}" is no extension to NVIDIA: no image is found', 'write it: ".jpg"')
