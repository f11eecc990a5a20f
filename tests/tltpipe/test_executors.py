"""Which executor works on the items of a parallel map, and what one that does only a part of them may be used for."""

from __future__ import annotations

import pytest

from tltpipe import executors, registry
from tltpipe.errors import UsageError
from tltpipe.executors import processes
from tltpipe.workers import parallel_map


def test_the_variable_chooses_and_a_block_overrules_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(executors.VARIABLE, raising=False)
    assert isinstance(executors.chosen(), processes.Processes)
    monkeypatch.setenv(executors.VARIABLE, "rey:127.0.0.1:1")
    with pytest.raises(UsageError, match="rey"):
        executors.chosen()
    with executors.using("processes"):
        assert list(parallel_map(abs, [-1, -2], workers=1)) == [1, 2]
        with executors.using(None):
            assert isinstance(executors.chosen(), processes.Processes)
    with pytest.raises(UsageError):
        parallel_map(abs, [-1])
    assert "processes" in registry.names("tltpipe.executors")
