"""Every network's export formats fulfil the protocol, and are listed without anything heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime import networks
from runtime.exporting import formats
from runtime.nn.export.subject import DATA_TYPES
from runtime.programs import export
from tltpipe import registry
from tltpipe.errors import UsageError

pytestmark = pytest.mark.torch
NETWORKS = [name for name in registry.names("runtime.networks") if hasattr(networks.load(name), "EXPORTS")]


@pytest.mark.parametrize("network", NETWORKS)
def test_formats_are_what_the_protocol_says(network: str) -> None:
    for name in formats.of_network(network):
        format = formats.load(network, name)
        assert format.ABOUT
        assert set(format.DATA_TYPES) <= set(DATA_TYPES)
        assert all(suffix.startswith(".") for suffix in format.SUFFIXES)
        assert format.SUFFIXES
        assert isinstance(format.NEEDS, tuple)
        assert callable(format.write)
        assert callable(format.compare)
        assert {formats.by_suffix(network, suffix) for suffix in format.SUFFIXES} <= set(formats.of_network(network))


def test_the_default_is_onnx_where_suffixes_are_shared() -> None:
    assert formats.by_suffix("ssd", ".onnx") == formats.by_suffix("ssd", "") == "onnx"
    assert formats.by_suffix("ssd", ".pt2") == "pt2"


def test_a_format_that_the_network_does_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="torchscript"):
        formats.load("ssd", "torchscript")
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"")
    assert export.main(["ssd", "-m", str(model), "--format", "torchscript"]) == 2
    printed = capsys.readouterr().err
    assert "--format" in printed
    assert "deepstream, onnx, onnx_raw, pt2" in printed


@pytest.mark.parametrize("network", NETWORKS)
def test_formats_are_named_without_torch(network: str) -> None:
    listing = f"import sys\nfrom runtime.exporting import formats\nformats.of_network({network!r})\n"
    code = f"{listing}assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
