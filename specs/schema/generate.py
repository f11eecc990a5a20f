"""Run protoc over every .proto here: ``python specs/schema/generate.py`` rewrites the *_pb2.py and *_pb2.pyi.

Generated code refuses a protobuf runtime older than the protoc that made it, so use an old one
(``pip install 'grpcio-tools==1.68.*'``, protoc 28.1): the result runs on protobuf 5.29, our floor, and all later.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OLDEST_TOOLS = "1.68."


def main() -> int:
    if importlib.util.find_spec("grpc_tools") is None:
        sys.stderr.write("generate.py needs grpcio-tools\n")
        return 2
    protos = sorted(path.relative_to(ROOT) for path in Path(__file__).parent.glob("*/*.proto"))
    # Paths are relative to the root so that each file has a name of its own in protobuf's one pool of descriptors.
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "--pyi_out=."]
    return subprocess.run([*command, *map(str, protos)], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
