"""Errors, to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

Problem = TypeVar("Problem", bound=BaseException)


def error_of(
    kind: type[Problem], call: Callable[..., object], *arguments: Any, match: str | None = None, **named: Any
) -> Problem:
    """The error of this ``kind`` that ``call`` must end with; ``match`` is a pattern of its message."""
    with pytest.raises(kind, match=match) as caught:
        call(*arguments, **named)
    return caught.value
