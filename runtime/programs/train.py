"""tlt-train: a spec and annotated pictures in, a trained detector out."""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.data.defaults import CLIP_NORM, EMA_DECAY
from runtime.machine import cluster, device, launch, threads
from runtime.machine.cluster import Cluster
from runtime.machine.device import Place
from runtime.shell import program
from tltpipe import __version__, locks, registry
from tltpipe.errors import HostError, UsageError

if TYPE_CHECKING:
    from specs import Spec


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = parser().parse_args(words)
    return program.run(lambda: run(arguments, words), arguments, lead=cluster.is_lead(arguments.nodes))


def parser() -> argparse.ArgumentParser:
    parser = program.Parser("tlt-train", description="Train a detector by a spec of TLT 2.0, TLT 3.0 or TAO.")
    parser.add_network("what to train")
    parser.add_argument("-e", "--experiment_spec_file", metavar="SPEC", help="training spec; --data writes one")
    parser.add_argument(
        "-r", "--results_dir", required=True, metavar="DIR", help="gets weights/, the log, status.json and events/"
    )
    parser.add_argument("-k", "--key", metavar="KEY", help="encrypts the checkpoints, and opens that of -m")
    parser.add_argument(
        "-m",
        "--resume_model_weights",
        metavar="MODEL",
        help="weights to start from (pretrained, pruned) or, with --initial_epoch, checkpoint to resume",
    )
    parser.add_argument(
        "--initial_epoch", type=int, default=1, metavar="N", help="first epoch to run; above 1 resumes -m (default 1)"
    )
    parser.add_argument(
        "--arch", choices=registry.names("runtime.networks"), help="the network once more, as NVIDIA has it"
    )
    parser.accept("--use_multiprocessing", why="images are decoded in processes of their own anyway", values=0)
    parser.add_argument(
        "--fresh", action="store_true", help="start over, where else an unfinished run in DIR is gone on with"
    )
    parser.add_argument(
        "--strict-tlt", action="store_true", help="NVIDIA's behaviour to the letter, also where it is a bug"
    )
    _shorthand(parser.add_argument_group("in place of a spec", "The spec that these stand for is written to DIR."))
    _machine(parser.add_argument_group("machine"))
    _nodes(parser.add_argument_group("several machines", "Each runs this command; all see the same folders."))
    _learning(parser.add_argument_group("learning"))
    parser.accept_wrapper()
    return parser


SHORTHAND = ("data", "img", "batch", "epochs", "size", "weights", "recipe")


def _shorthand(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--data", metavar="DATA", help="data set: a YOLO data.yaml, a COCO file, a folder of any format")
    group.add_argument("--img", metavar="N|WxH", help="size of the images in pixels (default: the network's)")
    group.add_argument("--batch", metavar="N", help="images a step (default: the network's)")
    group.add_argument("--epochs", metavar="N", help="passes over the training images (default: the network's)")
    group.add_argument("--size", help="size of the network (default: that in the name of --weights, or the network's)")
    group.add_argument("--weights", metavar="MODEL", help="weights to start from (default: random)")
    group.add_argument("--recipe", help="recipe to start from; tltpipe spec recipes lists them")


def _machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--gpus", type=int, default=1, metavar="N", help="GPUs (default 1; the CPU if there is none)")
    group.add_argument("--gpu_index", type=int, nargs="+", default=[], metavar="I", help="which ones")
    group.add_argument("--device", choices=["cpu", "cuda"], help="where to train (default: a GPU if there is one)")
    group.add_argument(
        "--processes",
        "--num_processes",
        "-np",
        type=_at_least(1, int),
        metavar="N",
        help="processes on the CPU, each with its own part of the batch (on GPUs: one each)",
    )
    group.add_argument(
        "--precision", choices=["32", "bf16", "fp16"], default="32", help="of the arithmetic (default 32)"
    )
    group.add_argument("--use_amp", action="store_true", help="NVIDIA's name for --precision fp16, on a GPU")
    threads.add_option(group)
    group.add_argument("--compile", action="store_true", help="compile the network: a slow start, faster steps")
    group.add_argument("--deterministic", action="store_true", help="the same bits every time on a GPU, too; slower")


def _nodes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--nodes",
        type=_at_least(1, int),
        metavar="N",
        help="machines to train on, each started with this command and its NODE_RANK, by srun or by torchrun (default: "
        "1, or torchrun's)",
    )
    group.add_argument(
        "--rendezvous-timeout",
        type=_at_least(1, float),
        default=300.0,
        metavar="SECONDS",
        help="wait so long for all nodes to arrive (default: 300)",
    )
    group.add_argument(
        "--interface",
        default=os.environ.get(cluster.INTERFACE),
        metavar="NAME",
        help=f"network interface between nodes, eth0 for example (default: {cluster.INTERFACE}, else by host name)",
    )
    group.add_argument(
        "--elastic", action="store_true", help="resume on other numbers of nodes, whose steps take other images"
    )


def _learning(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--clip-norm",
        type=_at_least(0, float),
        metavar="LENGTH",
        help=f"shorten gradients that are longer than this (default {CLIP_NORM:g}; 0, and --strict-tlt: never)",
    )
    group.add_argument(
        "--ema",
        nargs="?",
        type=_decay,
        const=EMA_DECAY,
        metavar="DECAY",
        help=f"detect with a moving average of the weights (decay {EMA_DECAY} unless given)",
    )
    group.add_argument(
        "--save-minutes",
        type=_at_least(0, float),
        default=10.0,
        metavar="MINUTES",
        help="save that often within an epoch, too (default 10)",
    )


def run(arguments: argparse.Namespace, words: Sequence[str]) -> None:
    """Train; torch is imported only once the spec is known to be good. ``words``: the whole command line."""
    where = cluster.read(arguments.nodes, gpus=arguments.gpus)
    with launch.before_the_others(where):
        spec = _spec(arguments, where)
        cluster.use_interface(arguments.interface)
        device.require_torch()
        place = device.choose(_wanted(arguments), where)
    if where.is_lead:
        for warning in spec.warnings:
            program.warn(warning)
        if arguments.use_amp and place.precision == "32":
            program.warn("--use_amp needs a GPU; this training computes in float32")

    from runtime import networks, training

    network = networks.load(arguments.network)
    recipe = network.recipe(spec)
    weights = program.host(arguments.resume_model_weights) if arguments.resume_model_weights else recipe.pretrained
    asked = training.TrainOptions(
        place=place,
        gpus=arguments.gpus,
        weights=weights,
        initial_epoch=arguments.initial_epoch,
        fresh=arguments.fresh,
        key=arguments.key,
        clip_norm=(arguments.clip_norm if arguments.clip_norm is not None else recipe.clip_norm) or None,
        ema=arguments.ema if arguments.ema is not None else recipe.average,
        compile=arguments.compile,
        deterministic=arguments.deterministic,
        save_minutes=arguments.save_minutes,
        threads=arguments.threads,
        elastic=arguments.elastic,
        command=resume_command(arguments, words),
    )
    results = program.host(arguments.results_dir)
    try:
        with _alone(results, where) as hold, _together(place, spec, arguments, words) as place:
            training.train(network, recipe, results, replace(asked, place=place), hold)
    except training.Stopped as stopped:
        if stopped.saved is not None:
            stopped.hint = f"to go on: {resume_command(arguments, words)}"
        raise


SEPARATE = ("key", "log_file", "no_effect", "interface", "rendezvous_timeout")
"""Options that may differ from node to node, or are nobody's business."""


def _together(
    place: Place, spec: Spec, arguments: argparse.Namespace, words: Sequence[str]
) -> AbstractContextManager[Place]:
    """All processes, which agree on what decides the weights before they begin."""
    import torch

    import specs

    facts = {
        "tltpipe": __version__,
        "PyTorch": torch.__version__,
        "the spec's checksum": hashlib.sha256(specs.dump(spec).encode()).hexdigest()[:12],
        "the device": f"{place.kind} x {place.processes}",
    }
    words_of = {action.dest: max(action.option_strings, key=len, default="") for action in parser()._actions}
    facts |= {
        words_of.get(name) or name: _shown(value) for name, value in vars(arguments).items() if name not in SEPARATE
    }
    timeout = arguments.rendezvous_timeout
    return launch.together(place, "runtime.programs.train", words, facts=facts, timeout=timeout)


def _shown(value: object) -> str:
    return "not given" if value is None else str(value)


def _alone(results: Path, where: Cluster) -> AbstractContextManager[locks.Hold | None]:
    """Two trainings into one folder would replace each other's checkpoints."""
    if not where.is_lead:
        return nullcontext()
    hint = "wait for its end, or give this one another folder: -r"
    return locks.held(results / ".training.lock", HostError("another training writes here", where=results, hint=hint))


def _spec(arguments: argparse.Namespace, where: Cluster) -> Spec:
    import specs

    if arguments.arch not in (None, arguments.network):
        raise UsageError(f"--arch {arguments.arch}, but the network is {arguments.network}", hint="leave --arch out")
    if arguments.gpus < 0:
        raise UsageError(f"--gpus must be 0 or more, not {arguments.gpus}")
    if arguments.initial_epoch < 1:
        raise UsageError(f"--initial_epoch counts from 1, not {arguments.initial_epoch}")
    if arguments.initial_epoch > 1 and not arguments.resume_model_weights:
        raise UsageError("--initial_epoch above 1 resumes a run", hint="name its checkpoint with -m")
    _one_spec(arguments)
    if arguments.data is None:
        return specs.parse(program.host(arguments.experiment_spec_file), arguments.network, strict=arguments.strict_tlt)
    from runtime.data import shorthand

    text = shorthand.text(arguments.network, shorthand.Shorthand(**{name: vars(arguments)[name] for name in SHORTHAND}))
    results = program.host(arguments.results_dir)
    if where.is_lead:
        with _alone(results, where):  # not over the spec of a training that is under way
            shorthand.write(text, results)  # before it is read, since what is wrong is told by its lines
    return specs.parse_text(text, arguments.network, source=results / shorthand.NAME, strict=arguments.strict_tlt)


def _one_spec(arguments: argparse.Namespace) -> None:
    """Raises UsageError where there is no spec, or more than one thing to train by."""
    given = [f"--{name}" for name in SHORTHAND if vars(arguments)[name] is not None]
    if arguments.experiment_spec_file is not None and given:
        hint = f"change the spec, or leave -e out; {given[0]} stands for a spec of its own"
        raise UsageError(f"{given[0]} would be ignored: -e names the spec", hint=hint)
    if arguments.experiment_spec_file is None and arguments.data is None:
        what = f"{given[0]} needs --data" if given else "there is nothing to train by"
        raise UsageError(what, hint="name a spec with -e, or a data set with --data")
    if arguments.weights is not None and arguments.resume_model_weights is not None:
        raise UsageError("--weights and -m both name weights to start from", hint="leave one of them out")


def _wanted(arguments: argparse.Namespace) -> device.Wanted:
    precision = arguments.precision
    if arguments.use_amp and precision == "32" and arguments.gpus and device.gpus() and arguments.device != "cpu":
        precision = "fp16"
    return device.Wanted(arguments.gpus, tuple(arguments.gpu_index), arguments.device, arguments.processes, precision)


def resume_command(arguments: argparse.Namespace, words: Sequence[str]) -> str:
    """The command once more; KEY stands for the key, which has no business in a log."""
    said = [_without_key(word, arguments.key) for word in words if word != "--fresh"]
    return shlex.join(["tlt-train", *said])


def _without_key(word: str, key: str | None) -> str:
    """``word`` with KEY in place of the key: ``-k KEY``, ``-kKEY``, ``--key=KEY``."""
    holds = key and (word == key or (word.startswith(("-k", "--k")) and word.endswith(key)))
    return word.removesuffix(key or "") + "KEY" if holds else word


def _at_least(least: int, kind: type[int] | type[float]) -> Callable[[str], float]:
    """A number of ``kind``, not below ``least``; of a float that is not counted, above 0."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not {least} or more")
        return value

    number.__name__ = kind.__name__  # argparse names it where the text is no number at all
    return number


def _decay(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
