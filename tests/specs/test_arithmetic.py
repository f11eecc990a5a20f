"""Lists written as arithmetic."""

from __future__ import annotations

import time

import pytest
from refusals import error_of

from specs import numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[]", []),
        ("[1.0, 2.0, 0.5, 3.0, 1.0/3.0]", [1.0, 2.0, 0.5, 3.0, 1.0 / 3.0]),
        (" [ 1 ,\n -2, +3, ] ", [1, -2, 3]),
        ("[(1 + 2) * 3 - 4 / 2, 2e-3]", [7.0, 0.002]),
        ("[[1.0, 2], [0.5]]", [[1.0, 2], [0.5]]),
    ],
)
def test_values(text: str, value: list[object]) -> None:
    assert numbers(text) == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "this is not a list of numbers"),
        ("1.0", "a list in square brackets is expected, not 1.0"),
        ("(1, 2)", "a list in square brackets is expected"),
        ("[1.0 2.0]", "this is not a list of numbers: [1.0 2.0]"),
        ("[a]", "numbers and + - * / are expected, not a"),
        ("[__import__('os').system('true')]", "numbers and + - * / are expected"),
        ("[x for x in [1]]", "a list in square brackets is expected"),
        ("['1']", "numbers and + - * / are expected"),
        ("[True]", "numbers and + - * / are expected"),
        ("[9 ** 9 ** 9]", "numbers and + - * / are expected"),
        ("[1 // 2]", "numbers and + - * / are expected"),
        ("[1j]", "numbers and + - * / are expected"),
        ("[[1] * 2]", "numbers and + - * / are expected"),
        ("[1/0]", "1 / 0 divides by zero"),
        ("[1e999]", "is not a finite number"),
        ("[1e308 * 10]", "is not a finite number"),
        (f"[{'9' * 400} / 2]", "a number is too large"),
        ("[9e307 * 9e307 / 2]", "is not a finite number"),
        (f"[{'9' * 5000}]", "this is not a list of numbers"),
        ("[" * 51 + "]" * 51, "nested more than 50 deep"),
        (f"[{'-' * 15_000}1]", ""),
        (f"[{'1+' * 9_990}1]", ""),
        (f"[{'1,' * 15_000}]", "at most 20000 characters"),
        ("[1\0]", "this is not a list of numbers"),
    ],
)
def test_refusals(text: str, complaint: str) -> None:
    assert complaint in str(error_of(ValueError, numbers, text, match=r"^(?s:.*)$"))


def test_is_quick_even_with_hostile_text() -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match="large"):
        numbers("[" + "*".join(["9999999999999999"] * 150) + "]")
    assert time.perf_counter() - start < 2
