"""tltpipe: from raw detection data to a trained, evaluated, exported TLT/TAO detector.

The front door for Python (docs/python.md): what stands in ``__all__`` is imported when it is first used, so that
``import tltpipe`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converters.model import Box as Box
    from converters.model import Dataset as Dataset
    from converters.model import Object as Object
    from converters.model import Sample as Sample
    from converters.transfer.convert import Converted as Converted
    from converters.transfer.front_door import Splits as Splits
    from converters.transfer.front_door import convert as convert
    from converters.transfer.front_door import read as read
    from runtime.inference.front_door import ImagePrediction as Prediction
    from runtime.inference.front_door import LoadedModel as Model
    from tltpipe.errors import TltpipeError as TltpipeError

__version__ = "0.1.0"
__all__ = [
    "Box",
    "Converted",
    "Dataset",
    "Model",
    "Object",
    "Prediction",
    "Sample",
    "Splits",
    "TltpipeError",
    "__version__",
    "convert",
    "read",
]

_PLACES = {
    "Box": "converters.model:Box",
    "Converted": "converters.transfer.convert:Converted",
    "Dataset": "converters.model:Dataset",
    "Model": "runtime.inference.front_door:LoadedModel",
    "Object": "converters.model:Object",
    "Prediction": "runtime.inference.front_door:ImagePrediction",
    "Sample": "converters.model:Sample",
    "Splits": "converters.transfer.front_door:Splits",
    "TltpipeError": "tltpipe.errors:TltpipeError",
    "convert": "converters.transfer.front_door:convert",
    "read": "converters.transfer.front_door:read",
}
"""Where each name is defined; only looked up here when somebody asks for it."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'tltpipe' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _PLACES[name].partition(":")
    globals()[name] = value = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
