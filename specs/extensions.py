"""The field ``image_extension``, which three kinds of spec have."""

from __future__ import annotations

AUTO = "auto"
"""In place of an extension: every image that can be read, whatever its extension. NVIDIA's programs know no such."""


def dotted(text: str) -> str | None:
    """``text`` with its dot; None where it stands for any extension.

    >>> dotted("jpg"), dotted(".png"), dotted("auto")
    ('.jpg', '.png', None)
    """
    plain = text.removeprefix(".")
    return None if plain in ("", AUTO) else f".{plain}"
