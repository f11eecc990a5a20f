"""Versions of what decides the bytes of our outputs: a mixture of them on several machines is no one result."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata

import tltpipe

_PACKAGES = {"numpy": "numpy", "OpenCV": "opencv-python-headless", "simplejpeg": "simplejpeg", "Pillow": "pillow"}
"""By the name that people know; libjpeg-turbo is inside of simplejpeg."""


@cache
def versions() -> dict[str, str]:
    """The versions here, by name; reads what is installed and imports nothing."""
    return {"tltpipe": tltpipe.__version__, "Python": platform.python_version()} | {
        name: _version(package) for name, package in _PACKAGES.items()
    }


def difference(there: Mapping[str, str]) -> str:
    """In words, which versions differ on a machine that has those of ``there``; empty where none does."""
    others = [(name, there.get(name, "missing"), version) for name, version in versions().items()]
    return ", ".join(f"{name} {other} (here: {own})" for name, other, own in others if other != own)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
