"""tltpipe tao: the command lines of NVIDIA's launchers, run by our own programs.

``tlt ssd train ...`` (TLT 3.0), ``tao ssd train ...`` (TAO 3 and 4), ``tao model ssd train ...`` and ``tao dataset
augmentation generate ...`` (TAO 5): with ``alias tao="tltpipe tao"`` a notebook's lines work as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer

from orchestrator.commands.options import Plain, guarded
from tltpipe.errors import UsageError

TASKS = {
    "train": "tlt-train",
    "evaluate": "tlt-evaluate",
    "inference": "tlt-infer",
    "prune": "tlt-prune",
    "export": "tlt-export",
    "dataset_convert": "tlt-dataset-convert",
}
"""NVIDIA's task of a network, and our program for it."""

USAGE = f"tltpipe tao [model] NETWORK {'|'.join(TASKS)} ..., or tltpipe tao augment ..."
HELP = f"""\
Usage: tltpipe tao [model] NETWORK {"|".join(TASKS)} ...
       tltpipe tao augment ...
       tltpipe tao dataset augmentation generate ...

Run a command line of NVIDIA's launchers (TLT 3.0 to TAO 5) with our own programs, on this machine:
alias tao="tltpipe tao", and alias tlt="tltpipe tao"."""
NOT_HERE = {
    "deploy": "TensorRT engines are made where they run: trtexec --onnx=MODEL --saveEngine=FILE",
    "list": "nothing runs in the background: `tltpipe status` shows a workspace",
    "stop": "nothing runs in the background: Ctrl-C, or kill, ends a program",
    "info": "`tltpipe doctor` shows what is installed",
    "annotations": "`tltpipe convert SRC DST --to coco` (or kitti) converts annotations",
    "analytics": "`tltpipe stats` describes a data set",
}
"""What NVIDIA's launcher has beside networks, and what to do instead."""

RAW = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Every word is for the program."""


def tao(context: typer.Context) -> None:
    """Run a command line of NVIDIA's launcher with our own programs: alias tao="tltpipe tao"."""
    if context.args in (["-h"], ["--help"]):
        typer.echo(HELP)
        return
    with guarded(Plain()):
        name, *words = translated(context.args)
        from orchestrator.runners import local

        local.become(name, words)


def translated(words: Sequence[str]) -> list[str]:
    """The command line of ours that means the same as ``words`` behind "tao". Raises UsageError."""
    match list(words):
        case [] | ["-h" | "--help", *_]:
            raise UsageError("a network and a task are missing", hint=USAGE)
        case ["augment" | "augmentation", *rest] | ["dataset", "augmentation" | "augment", *rest]:
            return ["tlt-augment", *rest]
        case [("deploy" | "list" | "stop" | "info") as word, *_] | [
            "dataset",
            ("annotations" | "analytics") as word,
            *_,
        ]:
            raise UsageError(f'"{word}" of NVIDIA\'s launcher is not needed here', hint=NOT_HERE[word])
        case ["model", *rest]:
            return translated(rest)
        case [network, task, *rest] if task in TASKS:
            return [TASKS[task], network, *rest]
        case [network, task, *_] if not network.startswith("-"):
            raise UsageError(f'"{task}" is no task of a network', hint=f"known: {', '.join(TASKS)}")
    raise UsageError(f'"{words[0]}" is not understood', hint=USAGE)
