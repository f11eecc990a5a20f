"""Console scripts in forks of one process that has all modules imported: a command costs what it does, not its start.

    BIN/python benchmarks/forked_programs.py BIN

reads requests from standard input, a JSON line each (argv, cwd, stdout, stderr), and answers with an exit code each.
``Programs`` is the other side of it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

SECONDS = 120
"""After so long a program is killed: more than any of them takes."""

ROOMS = ("converters", "orchestrator", "runtime.augmenting", "runtime.conversion", "specs", "tltpipe")
LEFT_OUT = ("ray", "web", "storage", "preflight", "__main__")
"""Parts of names of modules that bring much along and have no part in this."""


class Programs:
    """The console scripts of the folder ``scripts``."""

    def __init__(self, scripts: Path) -> None:
        self.scripts = scripts
        self._server = subprocess.Popen(
            [scripts / "python", "-P", __file__, scripts],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, argv: Sequence[str], *, cwd: Path, logs: Path, real: bool = False) -> int:
        """The exit code of a program; what it prints goes to ``stdout`` and ``stderr`` in ``logs``.

        ``real``: in a process of its own from its very start, as a user runs it.
        """
        if real:
            with (logs / "stdout").open("wb") as out, (logs / "stderr").open("wb") as err:
                line = [str(self.scripts / argv[0]), *argv[1:]]
                return subprocess.run(line, cwd=cwd, stdout=out, stderr=err, check=False).returncode
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"argv": argv, "cwd": str(cwd), "logs": str(logs)}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def end(self) -> None:
        self._server.communicate()


def preload() -> None:
    """Import what the programs of the data path may need, but nothing that starts threads."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not any(part in module.name.split(".") for part in LEFT_OUT):
                try:
                    importlib.import_module(module.name)
                except ImportError:  # of something that is not installed
                    continue
    gc.freeze()


def become(request: dict[str, Any], scripts: str) -> NoReturn:
    """In the fork: be the program, to its end, without taking the modules apart, which would copy all their pages."""
    os.chdir(request["cwd"])
    for number, name in ((0, os.devnull), (1, f"{request['logs']}/stdout"), (2, f"{request['logs']}/stderr")):
        file = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        os.dup2(file, number)
        os.close(file)
    program, *arguments = request["argv"]
    sys.argv = [f"{scripts}/{program}", *arguments]
    signal.alarm(SECONDS)
    code: object = None
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 99
    atexit._run_exitfuncs()
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else bool(code))


def serve(scripts: str) -> None:
    preload()
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            become(json.loads(line), scripts)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
