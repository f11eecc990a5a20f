"""The runner ray before there is a cluster: what it refuses, and that nobody pays for Ray who does not use it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import pipeline
from orchestrator.run import Run
from tltpipe import ray_cluster
from tltpipe.errors import ConfigError, HostError, TltpipeError, UsageError

Start = Callable[..., Run]


def refusal(start: Start, **settings: object) -> TltpipeError:
    """What a run on such a cluster is refused with, within seconds: Ray itself tries for 40 or 60."""
    began = time.monotonic()
    with pytest.raises(TltpipeError) as refused:
        pipeline.execute(start(runner="ray", **settings), ["prepare"])
    assert time.monotonic() - began < 30
    return refused.value


def test_a_cluster_must_be_named(start: Start) -> None:
    error = refusal(start)
    assert isinstance(error, ConfigError)
    assert error.where == "ray.address"


@pytest.mark.parametrize("text", ["auto", "ray://127.0.0.2:10001", "127.0.0.2", "127.0.0.2:70000"])
def test_an_address_is_a_host_and_a_port(start: Start, text: str) -> None:
    error = refusal(start, **{"ray.address": text})
    assert isinstance(error, UsageError)
    assert text in error.what


def test_others_may_not_reach_a_cluster_without_a_token(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """192.0.2.1 is an address that nobody has."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    error = refusal(start, **{"ray.address": "192.0.2.1:6379"})
    assert isinstance(error, ConfigError)
    assert "RAY_AUTH_MODE=token" in str(error.hint)
    assert isinstance(refusal(start, **{"ray.address": "192.0.2.1:6379", "ray.trusted": "true"}), HostError)
    with monkeypatch.context() as closed:
        closed.setenv("TLTPIPE_TRUST_RAY", "1")
        assert isinstance(refusal(start, **{"ray.address": "192.0.2.1:6379"}), HostError)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert isinstance(refusal(start, **{"ray.address": "192.0.2.1:6379"}), HostError)


def test_no_cluster_or_something_else_at_the_address(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.2", 0)) as server:
        place = f"127.0.0.2:{server.getsockname()[1]}"
        silent = refusal(start, **{"ray.address": place})
    nobody = refusal(start, **{"ray.address": place})
    assert [type(error) for error in (silent, nobody)] == [HostError, HostError]
    assert place in silent.what
    assert place in nobody.what
    checks = {check.name: check for check in start(runner="ray", **{"ray.address": place}).runner.checks()}
    assert not checks["cluster"].ok


def test_ray_is_imported_by_who_uses_it_alone(workspace: Path) -> None:
    (workspace / "tltpipe.yaml").write_text("runner: ray\nray: {address: '127.0.0.2:1'}\n")
    script = (
        "import sys\nfrom orchestrator import cli\n"
        "for command in (['status'], ['run', '--dry-run']):\n"
        "    try: cli.app(command)\n    except SystemExit: pass\n"
        "    assert 'ray' not in sys.modules, command"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=workspace, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
