"""The generated code is what protoc makes of the .proto files beside it, and runs on the oldest protobuf we allow."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).parents[2]
PROTOS = sorted(path.relative_to(ROOT) for path in (ROOT / "specs" / "schema").glob("*/*.proto"))


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.stem)
def test_generated_code_is_current(proto: Path, tmp_path: Path) -> None:
    protoc = pytest.importorskip("grpc_tools.protoc")
    out = tmp_path / "set"
    assert protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={out}", str(ROOT / proto)]) == 0
    (fresh,) = FileDescriptorSet.FromString(out.read_bytes()).file
    committed = FileDescriptorProto()
    module = importlib.import_module(".".join(proto.with_suffix("").parts) + "_pb2")
    module.DESCRIPTOR.CopyToProto(committed)
    for file in (fresh, committed):
        for message in file.message_type:
            forget_json_names(message)
    assert committed == fresh, "run python specs/schema/generate.py"


def forget_json_names(message: object) -> None:
    for field in message.field:  # type: ignore[attr-defined]
        field.ClearField("json_name")
    for nested in message.nested_type:  # type: ignore[attr-defined]
        forget_json_names(nested)


@pytest.mark.parametrize("proto", PROTOS, ids=lambda path: path.stem)
def test_made_by_an_old_enough_protoc(proto: Path) -> None:
    made_by = re.search(
        r"# Protobuf Python Version: (\d+)\.(\d+)", (ROOT / proto.parent / f"{proto.stem}_pb2.py").read_text()
    )
    floor = re.search(r'"protobuf>=(\d+)\.(\d+)', (ROOT / "pyproject.toml").read_text())
    assert tuple(map(int, made_by.groups())) <= tuple(map(int, floor.groups()))
