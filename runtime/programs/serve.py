"""tlt-serve: trained models behind HTTP, with a page."""

from __future__ import annotations

import argparse
import re
import resource
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runtime.inference import crops
from runtime.machine import threads
from runtime.shell import program
from tltpipe.errors import UsageError
from tltpipe.web.guard import is_loopback

if TYPE_CHECKING:
    from runtime.serving.limits import Limits
    from runtime.serving.models import Served

PORT = 8000
BATCH = 8
TOKEN = 16
"""Characters that a token has at least."""
UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
MILLIONS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns its exit code."""
    arguments = parser().parse_args(argv)
    return program.run(lambda: run(arguments), arguments)


def parser() -> argparse.ArgumentParser:
    parser = program.Parser(
        "tlt-serve",
        description="Answer requests for predictions on images, from programs and from a page in a browser. Images are "
        "taken as they are shown: an EXIF rotation is applied.",
    )
    parser.add_argument(
        "models", nargs="*", metavar="MODEL",
        help="checkpoint of tlt-train, or what tlt-export wrote; NAME=MODEL gives it another name than its file's",
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, default=PORT, help=f"0 for any free one (default: {PORT})")
    parser.add_argument(
        "-t", "--threshold", type=float, metavar="SCORE",
        help="lowest score in answers (default: 0.05 as JSON, for the page to filter; drawn, the spec's or 0.3)",
    )  # fmt: skip
    parser.add_argument("-k", "--key", metavar="KEY", help="opens encrypted checkpoints")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:1 (default: a GPU if there is one)")
    threads.add_option(parser)
    _add_limits(parser)
    _add_access(parser)
    group = parser.add_argument_group("two models, one behind the other")
    group.add_argument(
        "--cascade", nargs=2, metavar=("FIRST", "SECOND"),
        help="a detector, such as of people, and the model that sees its objects; served as FIRST+SECOND",
    )  # fmt: skip
    crops.add_crop_options(group)
    parser.add_argument("--log_file", metavar="FILE", help="append all that is printed to FILE instead of showing it")
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument("--max-bytes", default="16M", metavar="N", help="of a request (default: 16M)")
    group.add_argument("--max-pixels", default="25M", metavar="N", help="of an image (default: 25M)")
    group.add_argument("--max-images", type=int, default=16, metavar="N", help="of a request (default: 16)")
    group.add_argument(
        "--queue", type=int, default=8, metavar="N",
        help="images that wait for a model; what is more is refused with 429 (default: 8)",
    )  # fmt: skip
    group.add_argument(
        "-b", "--batch", type=int, default=BATCH, metavar="N",
        help=f"images that pass through a model together, if so many wait (default: {BATCH})",
    )  # fmt: skip
    group.add_argument(
        "--wait-ms", type=float, default=0.0, metavar="MS", help="time to wait for more images of a batch (default: 0)"
    )
    group.add_argument("--timeout", type=float, default=30.0, metavar="S", help="of a request, seconds (default: 30)")


def _add_access(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("access")
    group.add_argument(
        "--token-file", metavar="FILE",
        help="its text must be in requests: Authorization: Bearer TEXT; needed with --host other than this machine",
    )  # fmt: skip
    group.add_argument(
        "--allow-origin", action="append", default=[], metavar="ORIGIN",
        help="https://SITE whose pages may send requests; more than once for several (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--allow-urls", action="store_true", help="fetch images from URLs, from public addresses only (default: refuse)"
    )
    group.add_argument(
        "--keep", metavar="DIR", help="write each image and its answer to DIR (default: nothing is written)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl-C. What can be wrong with the command line is said before a model is opened."""
    from tltpipe import web

    web.require("multipart", "prometheus_client", "websockets")
    limits, token = _limits(arguments), _token(arguments)
    _require_sense(arguments)
    from runtime.serving import app
    from runtime.serving.fetching import Fetcher
    from runtime.serving.keeping import Keep
    from runtime.serving.service import Batching, Service
    from tltpipe.web import guard, server

    keep = None
    if arguments.keep:
        keep = Keep(program.host(arguments.keep))
        keep.prepare()
    server.bind(arguments.host, arguments.port).close()  # before models are opened, which takes longer
    service = Service(opened(arguments), limits, Batching(arguments.batch, arguments.wait_ms / 1000), keep=keep)
    fetcher = Fetcher(most=limits.bytes, seconds=limits.timeout) if arguments.allow_urls else None
    hosts = guard.names_of(arguments.host)
    made = app.create(service, hosts=hosts, origins=arguments.allow_origin, token=token, fetcher=fetcher)
    _allow_connections()
    with service.running():
        server.serve(
            made, host=arguments.host, port=arguments.port, largest_message=limits.bytes,
            say=lambda address: program.say(f"serving at {address}"), on_stop=service.drain,
        )  # fmt: skip


def opened(arguments: argparse.Namespace) -> list[Served]:
    """The models of the command line, each with a line that says what it is."""
    from runtime.serving import models
    from runtime.serving.models import Opening

    opening = Opening(arguments.key, arguments.device, arguments.threads, arguments.threshold)
    served = models.open_models(arguments.models, opening)
    chosen = crops.read(arguments)
    if chosen is not None:
        first, second = arguments.cascade
        threshold, batch = arguments.cascade_threshold, arguments.batch
        served.append(models.open_cascade(first, second, opening, first_threshold=threshold, crops=chosen, batch=batch))
    for each in served:
        program.say(f"model       {each.name}: {each.model.name}, {len(each.classes)} classes: {each.model.about}")
    return served


def _require_sense(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that mean nothing, or nothing good."""
    if not arguments.models and arguments.cascade is None:
        raise UsageError("no model is named", hint="tltpipe serve MODEL, or --cascade FIRST SECOND")
    crops.read(arguments)
    if arguments.threshold is not None and not 0 < arguments.threshold < 1:
        raise UsageError(f"-t must lie between 0 and 1, not {arguments.threshold:g}", hint=program.THRESHOLD)
    if not 0 <= arguments.port < 2**16:
        raise UsageError(f"--port is 0 to 65535, not {arguments.port}")
    for name in ("max_images", "queue", "batch"):
        if getattr(arguments, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} is 1 or more, not {getattr(arguments, name)}")
    if not 0 <= arguments.wait_ms <= 1000:
        raise UsageError(f"--wait-ms is 0 to 1000, not {arguments.wait_ms:g}")
    if not 0 < arguments.timeout <= 3600:
        raise UsageError(f"--timeout is above 0 and at most 3600 seconds, not {arguments.timeout:g}")
    for origin in arguments.allow_origin:
        if not re.fullmatch(r"https?://[^/*\s]+", origin):
            raise UsageError(f'--allow-origin "{origin}" is no origin', hint="such as https://shop.example.com")


def _limits(arguments: argparse.Namespace) -> Limits:
    from runtime.serving.limits import Limits

    return Limits(
        bytes=_number("--max-bytes", arguments.max_bytes, UNITS),
        pixels=_number("--max-pixels", arguments.max_pixels, MILLIONS),
        images=arguments.max_images,
        queue=arguments.queue,
        timeout=arguments.timeout,
    )


def _number(option: str, text: str, units: dict[str, int]) -> int:
    """ "16M" as a number. Raises UsageError."""
    found = re.fullmatch(r"(\d+)([kmg]?)", text.strip().lower())
    if found is None or not int(found[1]):
        raise UsageError(f'{option} is a number such as 500k or 16M, not "{text}"')
    return int(found[1]) * units[found[2]]


def _token(arguments: argparse.Namespace) -> str | None:
    """What requests must carry. Raises UsageError where nothing is asked of who is on other machines."""
    if arguments.token_file is None:
        if is_loopback(arguments.host):
            return None
        what = f"other machines reach {arguments.host}, and whoever sends a request would be answered"
        hint = "openssl rand -hex 24 > token.txt, and --token-file token.txt"
        raise UsageError(what, hint=hint)
    path = program.host(arguments.token_file)
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        hint = "openssl rand -hex 24 > token.txt makes one"
        raise UsageError(f"the file of the token cannot be read: {why}", where=path, hint=hint) from None
    if len(token) < TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        what = f"a token is one word of {TOKEN} characters or more"
        raise UsageError(what, where=path, hint="openssl rand -hex 24 makes one")
    return token


def _allow_connections() -> None:
    """As many as this process may have: a thousand idle ones must not keep others out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
