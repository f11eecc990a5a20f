from pathlib import Path

import pytest

from tltpipe import errors


def test_text_says_where_then_what() -> None:
    error = errors.SpecError("no such field", where=errors.Location(Path("train.conf"), 41, 3), hint="look")
    assert str(error) == "train.conf:41:3: no such field"
    assert error.hint == "look"
    assert str(errors.DataError("broken", where=Path("a.json"))) == "a.json: broken"


@pytest.mark.parametrize(
    ("cls", "code"),
    [
        (errors.RunFailed, 1),
        (errors.ConfigError, 2),
        (errors.SpecError, 2),
        (errors.DataError, 3),
        (errors.ModelError, 4),
        (errors.ExportError, 5),
        (errors.HostError, 6),
        (errors.Interrupted, 130),
    ],
)
def test_exit_codes(cls: type[errors.TltpipeError], code: int) -> None:
    assert cls.exit_code == code
    assert errors.from_exit_code(code).exit_code == code


def test_a_foreign_exit_code_is_a_failed_run() -> None:
    assert errors.from_exit_code(255) is errors.RunFailed
