"""A client of ``tltpipe serve``, for programs: typed answers (``tltpipe.answers``), without PyTorch.

from tltpipe.client import Client

with Client("http://127.0.0.1:8000") as client:
    for each in client.predict("photo.jpg", threshold=0.5).predictions:
        print(each.category, each.score, each.bbox)
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tltpipe.answers import Answer, Answers, Problem, ServedModel
from tltpipe.errors import DataError, HostError, TltpipeError, UsageError

if TYPE_CHECKING:
    from requests import Response

Upload = Path | str | bytes
"""An image: its file, or the bytes of one (JPEG, PNG, ...)."""
T = TypeVar("T")
UNREADABLE, BUSY = (413, 415), 429
"""Statuses: of images that the server does not take, and of a server that has enough to do."""


class Client:
    """The server at ``address``. ``token`` is that of its --token-file.

    A server that is busy (429) is asked again when it says, until an answer has taken ``timeout`` seconds. All calls
    raise HostError for a server that does not answer, is not ready or stays busy, DataError for an image that it cannot
    read or that is too large, UsageError for a model, class or threshold that it does not know, or a missing token.
    """

    def __init__(
        self, address: str = "http://127.0.0.1:8000", *, token: str | None = None, timeout: float = 60
    ) -> None:
        from requests import Session

        self.address, self.timeout = address.rstrip("/"), timeout
        self._session = Session()
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token.strip()}"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def models(self) -> list[ServedModel]:
        """The models that are served; the first is the one that answers where none is named."""
        return _parsed(list[ServedModel], self._send("GET", "/v1/models"))

    def ready(self) -> bool:
        """Whether the server takes images now; False also where none answers."""
        try:
            self._send("GET", "/readyz")
        except HostError:
            return False
        return True

    def predict(
        self, image: Upload, *, model: str | None = None, threshold: float | None = None, classes: Iterable[str] = ()
    ) -> Answer:
        """What ``model`` sees on ``image``: objects of ``classes`` (all, where none are named) that score ``threshold``
        or more (without one: all that the server tells)."""
        return _parsed(Answer, self._predict(model, threshold, classes, data=_read(image)[1]))

    def predict_many(
        self,
        images: Iterable[Upload],
        *,
        model: str | None = None,
        threshold: float | None = None,
        classes: Iterable[str] = (),
    ) -> list[Answer]:
        """That for each of ``images`` in one request; the server has a largest number of them."""
        files = [("image", _read(image)) for image in images]
        return _parsed(Answers, self._predict(model, threshold, classes, files=files)).images

    def predict_url(
        self, url: str, *, model: str | None = None, threshold: float | None = None, classes: Iterable[str] = ()
    ) -> Answer:
        """That for the image at ``url``, which the server fetches where it was started with --allow-urls."""
        return _parsed(Answer, self._predict(model, threshold, classes, json={"url": url}))

    def draw(
        self, image: Upload, *, model: str | None = None, threshold: float | None = None, classes: Iterable[str] = ()
    ) -> bytes:
        """``image`` with what the model sees on it, as a JPEG."""
        accept = {"Accept": "image/jpeg"}
        return self._predict(model, threshold, classes, data=_read(image)[1], headers=accept).content

    def _predict(self, model: str | None, threshold: float | None, classes: Iterable[str], **request: Any) -> Response:
        wanted = {"model": model, "threshold": threshold, "classes": ",".join(classes) or None}
        return self._send("POST", "/v1/predict", params=wanted, **request)

    def _send(self, method: str, path: str, **request: Any) -> Response:
        from requests import RequestException

        address, end = self.address + path, time.monotonic() + self.timeout
        while True:
            try:
                response = self._session.request(method, address, timeout=self.timeout, **request)
            except RequestException as error:
                hint = "is the server running, and is this its address? tltpipe serve MODEL starts one"
                raise HostError(f"no answer: {type(error).__name__}", where=address, hint=hint) from error
            asked = response.headers.get("Retry-After", "")
            pause = float(asked) if asked.isdecimal() else 1.0  # a proxy may send a date
            if response.status_code != BUSY or time.monotonic() + pause > end:
                break
            time.sleep(pause)
        if not response.ok:
            raise _error(response, address)
        return response


def _read(image: Upload) -> tuple[str, bytes]:
    """The name and the bytes of an image. Raises DataError for a file that cannot be read."""
    if isinstance(image, bytes):
        return "image", image
    path = Path(image)
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=path) from error


def _error(response: Response, address: str) -> TltpipeError:
    """What the server says is wrong, as an error of ours."""
    status = response.status_code
    try:
        problem = Problem.model_validate_json(response.content)
        detail, hint = problem.detail, problem.hint
    except ValidationError:
        detail, hint = f"answers {status} {response.reason}", "is this the address of `tltpipe serve`?"
    if status in UNREADABLE:
        return DataError(detail, where=address, hint=hint)
    if status < 500 and status != BUSY:
        return UsageError(detail, where=address, hint=hint)
    return HostError(detail, where=address, hint=hint)


def _parsed(kind: type[T], response: Response) -> T:
    try:
        return TypeAdapter(kind).validate_json(response.content)
    except ValidationError as error:
        raise HostError(
            f"an answer that is not understood: {error.errors()[0]['msg']}",
            where=response.url,
            hint="server and client should have the same version of tltpipe",
        ) from error
