"""Training specs of TLT 2.0: focal loss, one warp of each image, TFRecords."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from runtime.data.recipe import Data, Recipe, Source
from runtime.imaging.decoding import Preprocess
from runtime.imaging.views.affine import OnlineAugment
from runtime.imaging.views.warp import Warp
from runtime.networks.ssd import recipes
from runtime.networks.ssd.config import Settings
from runtime.networks.ssd.loss import FocalLoss
from runtime.shell.mounts import host_text
from runtime.shell.program import host
from specs import Spec
from specs.extensions import dotted


def recipe(spec: Spec) -> Recipe[Settings]:
    image = spec.message.augmentation_config.preprocessing
    model = recipes.settings(
        spec,
        size_field="augmentation_config.preprocessing.output_image_width",
        input_size=(image.output_image_height, image.output_image_width),
        input_channels=image.output_image_channel or 3,
        loss=FocalLoss(
            alpha=recipes.written(spec, "focal_loss_alpha", FocalLoss.alpha),
            gamma=recipes.written(spec, "focal_loss_gamma", FocalLoss.gamma),
            location_weight=recipes.written(spec, "loss_loc_weight", FocalLoss.location_weight),
            small_weights=not spec.strict,
            rank_local=spec.strict,
        ),
    )
    view = Warp(preprocess(spec), _augment(spec))
    anything = replace(view, preprocess=replace(view.preprocess, crop=None))
    return recipes.assemble(spec, model, _data(spec), (view, anything))


def preprocess(spec: Spec) -> Preprocess:
    image = spec.message.augmentation_config.preprocessing
    width, height = image.output_image_width, image.output_image_height
    crop = (image.crop_left, image.crop_top, image.crop_right, image.crop_bottom)
    cropped = crop[2] > crop[0] and crop[3] > crop[1] and crop != (0, 0, width, height)
    return Preprocess(width, height, crop if cropped else None, image.output_image_channel == 1)


def _augment(spec: Spec) -> OnlineAugment:
    """An unset zoom (0) is 1, an unset contrast centre 0.5."""
    config = spec.message.augmentation_config
    image, space, colour = config.preprocessing, config.spatial_augmentation, config.color_augmentation
    centre = colour.contrast_center or 0.5
    return OnlineAugment(
        width=image.output_image_width,
        height=image.output_image_height,
        hflip_probability=space.hflip_probability,
        vflip_probability=space.vflip_probability,
        zoom_min=space.zoom_min or min(1.0, space.zoom_max or 1.0),
        zoom_max=space.zoom_max or max(1.0, space.zoom_min or 1.0),
        translate_max_x=space.translate_max_x,
        translate_max_y=space.translate_max_y,
        rotate_rad_max=space.rotate_rad_max,
        hue_rotation_max=colour.hue_rotation_max,
        saturation_shift_max=colour.saturation_shift_max,
        contrast_scale_max=colour.contrast_scale_max,
        contrast_center=centre if centre <= 1.0 else centre / 255.0,
        color_shift_stddev=colour.color_shift_stddev,
        min_box_width=image.min_bbox_width,
        min_box_height=image.min_bbox_height,
    )


def _data(spec: Spec) -> Data:
    config = spec.message.dataset_config
    split = config.WhichOneof("dataset_split_type")
    held_out = [config.validation_data_source] if split == "validation_data_source" else []
    return Data(
        training=tuple(_sources(config.data_sources, "dataset_config.data_sources[{}]")),
        validation=tuple(_sources(held_out, "dataset_config.validation_data_source")),
        mapping=recipes.mapping(spec),
        extension=dotted(config.image_extension),
        fold=config.validation_fold if split == "validation_fold" else None,
        held_out_fields="validation_fold or validation_data_source",
        train_difficult=recipes.trains_difficult(spec),
    )


def _sources(sources: Iterable[Any], field: str) -> Iterable[Source]:
    for index, source in enumerate(sources):
        yield Source(
            images=host(source.image_directory_path),
            annotations=host_text(source.tfrecords_path),
            format="tfrecord",
            weight=source.source_weight or 1.0,
            field=field.format(index),
        )
