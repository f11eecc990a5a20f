"""Images of the engine: whether one is here, and getting it from its registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.engine import engine, login
from tltpipe.errors import HostError
from tltpipe.progress import Lines

OURS = "tltpipe"
"""Name of the image that `tltpipe image build` makes. Never pulled: what a registry has by that name is not ours."""


def identity(client: Any, image: str) -> str | None:
    """The content hash of ``image``, None if it is not here."""
    from docker.errors import ImageNotFound

    try:
        return str(client.images.get(image).id)
    except ImageNotFound:
        return None


def obstacle(client: Any, image: str) -> HostError | None:
    """Why ``image``, which is not here, cannot be pulled; None if it can. Asks the registry only."""
    from docker.errors import APIError

    if ours(image):
        return _not_built(image)
    try:
        login.stored(login.host_of(image))  # the engine's client would read them, too, and not say where
        client.images.get_registry_data(image)
    except APIError as refusal:
        return login.refused(image, engine.explanation(refusal))
    except HostError as unreadable:
        return unreadable
    return None


def need(client: Any, image: str, say: Callable[[str], None]) -> None:
    """Pull ``image`` unless it is here. Raises HostError with what to do when that fails."""
    from docker.errors import APIError

    if identity(client, image) is not None:
        return
    if ours(image):
        raise _not_built(image)
    login.stored(login.host_of(image))
    say(f"pulling {image}, which takes a while the first time")
    try:
        trouble = _pull(client, image, say)
    except APIError as refusal:
        trouble = engine.explanation(refusal)
    if trouble is not None:
        raise login.refused(image, trouble)


def _not_built(image: str) -> HostError:
    return HostError(f"there is no image {image} yet", hint="make it: tltpipe image build")


def _pull(client: Any, image: str, say: Callable[[str], None]) -> str | None:
    """Follow the pull to its end; what went wrong, if anything did. Counts the bytes of all layers in megabytes."""
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(image)
    layers: dict[str, int] = {}
    told = 0
    with Lines(say, every=0.5).bar("pull", total=None, unit="MB") as bar:
        for event in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
            if "error" in event:
                return str(event["error"])
            if event.get("status") == "Downloading":
                layers[event["id"]] = event.get("progressDetail", {}).get("current", 0)
            done = sum(layers.values()) // 10**6
            bar.advance(max(0, done - told), f"{len(layers)} layers")
            told = max(told, done)
    return None


def ours(image: str) -> bool:
    return image.partition("@")[0].partition(":")[0] == OURS
