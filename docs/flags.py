"""Writes docs/flags.md: every option of NVIDIA's SSD programs, and what it does in ours, as their parsers say.

python docs/flags.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from runtime.shell.program import Accepted

PAGE = Path(__file__).with_name("flags.md")
PROGRAMS = {
    "tlt-train": ("train", "runtime.programs.train"),
    "tlt-evaluate": ("evaluate", "runtime.programs.evaluate"),
    "tlt-infer": ("inference", "runtime.programs.infer"),
    "tlt-prune": ("prune", "runtime.programs.prune"),
    "tlt-export": ("export", "runtime.programs.export"),
    "tlt-dataset-convert": ("dataset_convert", "runtime.programs.dataset_convert"),
    "tlt-augment": ("augment", "runtime.programs.augment"),
}
"""Our program: NVIDIA's task from TLT 3.0 on, and the module with its parser."""

ALL, TO_4, FROM_3, ONLY_5, ONLY_2 = "2.0 3.0 5", "2.0 3.0", "3.0 5", "5", "2.0"
GENERATIONS = {"2.0": "TLT 2.0", "3.0": "TLT 3.0 to TAO 4", "5": "TAO 5"}
_WRAPPER = {
    "--gpus": ALL, "--gpu_index": ALL, "--num_processes -np": FROM_3, "--use_amp": ALL, "--log_file": ALL,
}  # fmt: skip
NVIDIA: dict[str, dict[str, str]] = {
    "tlt-train": {
        "-e --experiment_spec_file": ALL, "-r --results_dir": ALL, "-k --key": ALL, "-m --resume_model_weights": ALL,
        "--initial_epoch": ALL, "--arch": ALL, "--use_multiprocessing": ALL,
    },
    "tlt-evaluate": {
        "-e --experiment_spec_file": TO_4, "--experiment_spec": ONLY_5, "-m --model_path": ALL, "-k --key": ALL,
        "-r --results_dir": FROM_3, "-i --image_dir": TO_4, "-l --label_dir": TO_4, "-b --batch_size": TO_4,
    },
    "tlt-infer": {
        "-i --image_dir": ALL, "-e --experiment_spec": ALL, "-m --model_path": ALL, "-k --key": ALL, "-o": TO_4,
        "-l": TO_4, "-r --results_dir": ONLY_5, "-t --threshold": ALL, "-b --batch_size": TO_4,
    },
    "tlt-prune": {
        "-m --model": ALL, "-pm": ONLY_2, "-o --output_file": ALL, "-k --key": ALL, "-pth --pruning_threshold": ALL,
        "-eq --equalization_criterion": ALL, "-pg --pruning_granularity": ALL, "-nf --min_num_filters": ALL,
        "-n --normalizer": ALL, "-el --excluded_layers": ALL, "--results_dir": FROM_3, "-v --verbose": ALL,
    },
    "tlt-export": {
        "-m --model": ALL, "-k --key": ALL, "-e --experiment_spec": ALL, "-o --output_file": ALL,
        "--gen_ds_config": ALL,
        "--static_batch_size": FROM_3, "--target_opset": FROM_3, "--data_type": ALL, "--cal_image_dir": ALL,
        "--cal_data_file": ALL, "--cal_cache_file": ALL, "--cal_json_file": FROM_3, "--batches": ALL,
        "--batch_size": ALL, "--max_batch_size": ALL, "--min_batch_size": FROM_3, "--opt_batch_size": FROM_3,
        "--max_workspace_size": ALL, "--engine_file": ALL, "--onnx_route": FROM_3, "-s --strict_type_constraints": ALL,
        "--force_ptq": FROM_3, "--results_dir": FROM_3, "-v --verbose": ALL,
    },
    "tlt-dataset-convert": {
        "-d --dataset_export_spec": ALL, "-o --output_filename": ALL, "-f --validation_fold": ALL,
        "-c --class_names_file": FROM_3, "-r --results_dir": FROM_3, "-v --verbose": ALL,
    },
    "tlt-augment": {
        "-d --dataset-folder": TO_4, "-a --augmentation-proto": TO_4, "-o --output-dataset": TO_4, "-v --verbose": TO_4,
        "-e --experiment_spec_file": ONLY_5, "-r --results_dir": ONLY_5, "--batch_size": TO_4,
    },
}  # fmt: skip
"""NVIDIA's options, all spellings of one together, and the generations that have it."""

HEAD = """# NVIDIA's options

What the options of NVIDIA's SSD programs do in ours, in three generations. Written by `python docs/flags.py` from the
programs' own parsers, and held against them by a test. An option without effect is accepted, and a line says so.

The later spellings run as they are behind `tltpipe tao`: with `alias tao="tltpipe tao"`, `tao ssd train ...` and
`tao model ssd train ...` are `tlt-train ssd ...`. In our image, but on no host's PATH, the bare `ssd train ...` and
`augment ...` of NVIDIA's containers work, too. Containers' paths on command lines and in specs:
[Paths of containers](../README.md#paths-of-containers).

No option is refused; some values are: `-o MODEL.etlt`, `-o MODEL.hdf5` and `-m MODEL.hdf5` of files that only NVIDIA's
programs write and read. Where a notebook says these, say `.onnx` (export) and `.tlt` (training, pruning).
"""


def page() -> str:
    """The text of docs/flags.md."""
    return "\n".join([HEAD, *(line for name in PROGRAMS for line in _section(name))])


def parser(program: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = import_module(PROGRAMS[program][1]).parser()
    return made


def effect(parser: argparse.ArgumentParser, word: str) -> str:
    """What the option does. Raises KeyError for one that is refused."""
    action = parser._option_string_actions[word]
    return f"no effect: {action.why}" if isinstance(action, Accepted) else "honoured"


def options(program: str) -> dict[str, str]:
    return NVIDIA[program] | _WRAPPER


def _section(program: str) -> Iterator[str]:
    task, made = PROGRAMS[program][0], parser(program)
    later = "augment" if task == "augment" else f"ssd {task}"
    yield f"## {program} (later: {later})\n"
    yield f"| option | {' | '.join(GENERATIONS.values())} | here |"
    yield f"|---|{'---|' * len(GENERATIONS)}---|"
    for words, generations in options(program).items():
        there = " | ".join("yes" if each in generations.split() else "" for each in GENERATIONS)
        effects = dict.fromkeys(effect(made, word) for word in words.split())
        yield f"| {', '.join(f'`{word}`' for word in words.split())} | {there} | {'; '.join(effects)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
