"""The GPUs of this machine, as NVIDIA's driver lists them, and whether images can use them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.jobs.checks import Check
from orchestrator.jobs.images import Needs, generation

SECONDS = 30.0
"""How long the driver may take to answer: it is slow where it has to be loaded first."""
FIELDS = ("name", "driver_version", "compute_cap")
REMEDY = "--toolkit embedded runs on this machine"


@dataclass(frozen=True)
class Gpu:
    """One GPU. ``capability``: its CUDA compute capability, None where the driver is too old to tell."""

    name: str
    driver: str
    capability: float | None


def listed() -> list[Gpu] | None:
    """The GPUs that ``nvidia-smi`` lists, None where it is not there or its driver does not answer."""
    for fields in (FIELDS, FIELDS[:2]):  # drivers before 510 know no compute_cap
        command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode == 0:
            return [_gpu(line, len(fields)) for line in done.stdout.splitlines() if line.strip()]
    return None


def _gpu(line: str, fields: int) -> Gpu:
    name, driver, *capability = (part.strip() for part in line.rsplit(",", fields - 1))
    try:
        return Gpu(name, driver, float(capability[0]))
    except (IndexError, ValueError):  # "[N/A]", or a field that was not asked for
        return Gpu(name, driver, None)


def checks(images: Mapping[str, Needs]) -> Iterator[Check]:
    """Whether the driver and one GPU at least fit each of ``images``."""
    cards = listed() if images else None
    for image, needs in images.items():
        if not cards:
            found = f"nvidia-smi lists no GPU; {image} needs NVIDIA's driver {needs.driver}, and {needs.generations}"
            yield Check("driver", ok=False, found=found, hint=f"install the driver; {REMEDY}", needed=False)
            continue
        yield _driver(image, needs, cards[0])
        yield _generation(image, needs, cards)


def _driver(image: str, needs: Needs, card: Gpu) -> Check:
    release = card.driver.partition(".")[0]
    number = int(release) if release.isdecimal() else needs.driver
    found = f"{card.driver}; {image} needs {needs.driver} or newer (GPUs for data centres: {needs.data_centre_driver})"
    hint = f"install NVIDIA's driver {needs.driver} or newer; {REMEDY}"
    return Check("driver", number >= needs.driver, found, hint, needed=number < needs.data_centre_driver)


def _generation(image: str, needs: Needs, cards: Sequence[Gpu]) -> Check:
    """An image that fits one of several GPUs can work; which of them it takes is for its programs to say."""
    low, high = needs.capabilities
    unfit = {card.name: card.capability for card in cards if card.capability and not low <= card.capability <= high}
    named = ", ".join(f"{name} ({generation(capability)})" for name, capability in unfit.items())
    found = f"{image} runs on {needs.generations}" + (f", not on {named}" if unfit else "")
    hint = f"`tltpipe toolkit list` shows toolkits for other GPUs; {REMEDY}"
    return Check("GPU generation", not unfit, found, hint, needed=all(card.name in unfit for card in cards))
