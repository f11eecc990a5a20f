"""Our programs as processes of their own that need not import large modules: they are forked from one that has them.

``command(name)`` begins an argv. Everything else is as with the console script: arguments, folder, environment,
standard streams, exit status. Ctrl-C hits the program and its workers, SIGTERM the program alone, and with a command
that is killed the program is. What is not seen is a fault in the start of the interpreter; tests of that start the
console script itself.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import tomllib
import traceback
from functools import cache
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
CLIENT = """
import json, os, signal, socket, sys
path, module, *argv = sys.argv[1:]
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect(path)
order = {"module": module, "argv": argv, "cwd": os.getcwd(), "environment": dict(os.environ)}
socket.send_fds(line, [json.dumps(order).encode()], [0, 1, 2])
program = int(line.recv(32))
signal.signal(signal.SIGINT, lambda number, frame: os.killpg(program, number))
signal.signal(signal.SIGTERM, lambda number, frame: os.kill(program, number))
status = int(line.recv(32))
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


SCRIPTS = {
    name: entry.removesuffix(":main")
    for name, entry in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"].items()
}
TRAINERS = ("tlt-train", "tlt-evaluate", "tlt-infer", "tlt-export", "tlt-prune")
LARGE = {
    "torch": ("torch", "torchvision", "lightning_fabric"),
    "plain": ("numpy", "PIL.Image", "pydantic", "yaml", "rich.progress", "orchestrator.cli", "orchestrator.pipeline"),
}
"""What takes a program longer to import than to use on a few small images."""


def command(name: str) -> list[str]:
    """The beginning of a command line that runs the console script ``name``."""
    server = _server("torch" if name in TRAINERS else "plain")
    return [sys.executable, "-S", "-E", "-c", CLIENT, str(server), SCRIPTS[name], name]


def script(path: Path) -> None:
    """An executable that is the console script of that name."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command(path.name))} "$@"\n')
    path.chmod(0o755)


@cache
def _server(large: str) -> Path:
    """Start the process that others are forked from; it ends with this one."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder / "socket"), large],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    def end() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return folder / "socket"


def serve(path: Path, large: str) -> None:
    """Fork a program for each client, until standard input is closed."""
    if large == "torch":
        importlib.import_module("runtime.machine.device").require_torch()
    for name in LARGE[large]:
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(path))
        listening.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("ready", flush=True)
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            line, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                attend(line)
            line.close()


def attend(line: socket.socket) -> NoReturn:
    """Fork the program, tell the client its number and how it ended; kill it when the client is gone."""
    order, streams, _, _ = socket.recv_fds(line, 1 << 20, 3)
    program = os.fork()
    if program == 0:
        line.close()
        become(json.loads(order), streams)
    for stream in (*streams, 0, 1, 2):
        os.close(stream)
    line.send(str(program).encode())
    ended = os.pidfd_open(program)
    if ended not in select.select([ended, line], [], [])[0]:
        os.kill(program, signal.SIGKILL)
    _, status = os.waitpid(program, 0)
    try:
        line.send(str(os.waitstatus_to_exitcode(status)).encode())
    finally:
        os._exit(0)


def become(order: dict[str, object], streams: list[int]) -> NoReturn:
    """Be the program that the client is to be."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(str(order["cwd"]))
    os.environ.clear()
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    sys.argv = list(order["argv"])  # type: ignore[call-overload]
    status = 1
    try:
        status = importlib.import_module(str(order["module"])).main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # what an interpreter tears down at its end are copies of what was imported


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
