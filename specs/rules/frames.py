"""The images that go with annotations: whether each is there, its name, its size, its channels."""

from __future__ import annotations

from collections.abc import Iterator

from specs import kinds
from specs.checks import Finding, value_at
from specs.extensions import dotted
from specs.rulebook import NVIDIA, TRAINED, Subject, rule
from specs.rules.facts import SourceFacts, readable, training_boxes

DATA = ("augment", "dataset_convert")


def _extension_field(source: SourceFacts) -> str:
    section = source.source.field.partition(".")[0].partition("[")[0]
    return "image_extension" if source.source.below_data else f"{section}.image_extension"


@rule(
    "S431",
    "error",
    title="annotations whose image is missing",
    fix="copy the images there, or correct image_directory_path and image_extension",
    needs=("data",),
)
def no_image(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.no_image.count and each.source.format not in ("kitti",):
            what = f"frames without an image ({each.no_image.count:,}): {each.no_image}"
            yield Finding(each.source.images_field or each.source.annotations_field, what)


@rule(
    "S432",
    "error",
    title="label files without an image: training stops, or NVIDIA's leaves them out in silence",
    fix="copy the images there, or remove the labels",
    kinds=TRAINED,
    needs=("data",),
)
def lone_label(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.no_image.count and each.source.format == "kitti":
            yield Finding(
                each.source.images_field, f"label files without an image ({each.no_image.count:,}): {each.no_image}"
            )


@rule(
    "S433",
    "warning",
    title="label files without an image: they are left out",
    fix="copy the images there, or remove the labels",
    kinds=DATA,
    needs=("data",),
)
def unused_label(subject: Subject) -> Iterator[Finding]:
    yield from lone_label(subject)


@rule(
    "S434",
    "error",
    title="images without a label file: training and conversion stop, or leave them out in silence",
    fix="write an empty label file for each image without objects",
    kinds=(*TRAINED, "dataset_convert"),
    needs=("data",),
)
def no_label(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.no_label.count:
            what = f"images without a label file ({each.no_label.count:,}): {each.no_label}"
            yield Finding(each.source.annotations_field, what)


@rule(
    "S435",
    "warning",
    title="images without a label file: augmentation leaves them out",
    fix="write an empty label file for each image without objects",
    kinds=("augment",),
    needs=("data",),
)
def unlabelled(subject: Subject) -> Iterator[Finding]:
    yield from no_label(subject)


@rule(
    "S436",
    "warning",
    title="images with another extension than image_extension: NVIDIA's programs leave them out",
    fix="write the one that they have; auto stands for any (our programs only)",
    needs=("data",),
)
def other_extension(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if subject.toolkit not in NVIDIA or each.source.format != "tfrecord":
            yield from _other_extension(each)


@rule(
    "S437",
    "error",
    title="images of records with another extension than image_extension, which NVIDIA's programs do not find",
    fix="write the one that they have",
    toolkits=NVIDIA,
    needs=("data",),
)
def not_found_by_extension(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.source.format == "tfrecord":
            yield from _other_extension(each)


def _other_extension(facts: SourceFacts) -> Iterator[Finding]:
    if facts.other_extension.count:
        extension = dotted(facts.source.extension or "")
        what = f"images that do not end in {extension} ({facts.other_extension.count:,}): {facts.other_extension}"
        yield Finding(_extension_field(facts), what)


@rule(
    "S438",
    "error",
    title="images whose extension is in upper case, which NVIDIA's programs pass over in silence",
    fix="rename them: .JPG to .jpg",
    toolkits=NVIDIA,
    needs=("data",),
)
def upper_case(subject: Subject) -> Iterator[Finding]:
    for each in readable(subject.data):
        if each.upper_case.count and not each.source.extension:  # else they are other ones than that
            what = f"images with an extension in upper case ({each.upper_case.count:,}): {each.upper_case}"
            yield Finding(each.source.images_field, what)


@rule(
    "S439",
    "error",
    title="images of another size than the network's, which TLT 2.0 does not resize",
    fix="resize them together with their labels: tlt-augment with output_image_width and output_image_height",
    toolkits=("tlt2",),
    kinds=TRAINED,
    needs=("data",),
)
def other_size(subject: Subject) -> Iterator[Finding]:
    size = kinds.image_size(subject.spec)
    for each in readable(subject.data):
        others = [result for result in each.sizes if result != size]
        if size is None or not others:
            continue
        count = sum(each.sizes[result] for result in others)
        first = max(others, key=lambda result: each.sizes[result])
        what = f"{count:,} images are not {size[0]}x{size[1]}, as the network is, but for example {first[0]}x{first[1]}"
        yield Finding(each.source.annotations_field, what)


_CHANNELS = ("augmentation_config.preprocessing.output_image_channel", "augmentation_config.output_channel")


@rule(
    "S440",
    "warning",
    title="grey images for a network of three channels, or colours for one of one",
    fix="write the number of channels that the images have",
    kinds=TRAINED,
    needs=("data",),
)
def channels(subject: Subject) -> Iterator[Finding]:
    field = next((path for path in _CHANNELS if subject.spec.is_set(path)), None)
    wanted = value_at(subject.spec, field) if field else 0
    for each in readable(subject.data):
        seen = sum(each.channels.values())
        grey = each.channels.get(1, 0)
        if field and wanted == 1 and grey < seen:
            yield Finding(field, f"{seen - grey:,} of {seen:,} images that were opened are in colour")
        elif field and wanted == 3 and seen and grey == seen:
            yield Finding(field, f"all {seen:,} images that were opened are grey")


SQUEEZED = 1.5
"""How much the shape of images may differ from that of the input."""


@rule(
    "S441",
    "note",
    title="images of another shape than the network's input: they are squeezed, not padded",
    fix="give output_width and output_height the shape of the images",
    kinds=TRAINED,
    needs=("data",),
)
def squeezed(subject: Subject) -> Iterator[Finding]:
    size = kinds.image_size(subject.spec)
    for each in readable(subject.data):
        if size is None or not each.sizes or each.source.role != "training":
            continue
        width, height = max(each.sizes, key=lambda result: each.sizes[result])
        factor = (width / height) / (size[0] / size[1])
        if not 1 / SQUEEZED <= factor <= SQUEEZED:
            what = f"most images are {width}x{height}, the input is {size[0]}x{size[1]}: objects change their shape"
            yield Finding(each.source.annotations_field, what)


THIN = 0.01
"""Share of boxes that may be thinner than a pixel."""


@rule(
    "S462",
    "warning",
    title="boxes thinner than a pixel at the size of the network's input",
    fix="train with larger images, or leave such objects out",
    needs=("data",),
)
def thin(subject: Subject) -> Iterator[Finding]:
    size = kinds.image_size(subject.spec)
    boxes = training_boxes(subject.data)
    if size is None or boxes is None:
        return
    count = int((boxes[:, 2:] * size < 1).any(axis=1).sum())
    if count > THIN * len(boxes):
        field = next(each.source.annotations_field for each in readable(subject.data) if each.source.role == "training")
        what = f"{count:,} of {len(boxes):,} boxes read are thinner than a pixel at {size[0]}x{size[1]}"
        yield Finding(field, what)
