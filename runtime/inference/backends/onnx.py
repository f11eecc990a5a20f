"""What tlt-export wrote as ONNX, in ONNX Runtime; torch is not needed.

Decoding and suppression are in the graph, are done here (``_decoders``), as the card says, or stand in the graph as
TensorRT's plugin, whose work is then done here, too, so that such a file can be tried out anywhere.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.imaging.boxes import decode
from runtime.imaging.pixels import PixelBatch, parts, prepared
from runtime.inference.backends import Device, LoadImage, ModelRequest
from runtime.inference.backends._cards import image_loader, read, require_classes, require_names
from runtime.inference.backends._cards import input_size as size_of
from runtime.inference.backends._decoders import DECODERS, Decoder, Outputs, of_card
from runtime.machine.threads import Threads, counts
from runtime.nn.export.onnx_files import NAMES, TENSORRT_NMS
from runtime.tasks import Prediction
from runtime.tasks.detection.detections import Thresholds, suppress
from runtime.weights.card import Card
from tltpipe.errors import HostError, ModelError

SUFFIXES = frozenset({".onnx"})
PLUGIN = "plugin"
HINT = 'pip install "tltpipe[export]"'


class Session:
    """A graph in ONNX Runtime; ``batch`` None takes any number of pictures."""

    def __init__(self, model: Any, card: Card, request: ModelRequest, *, threads: int | None = None) -> None:
        import onnxruntime

        self._sessions: dict[int, Any] = {}
        self._open = partial(session, model, request.device)
        on_gpu = (request.device.asked or request.device.numbered) and request.device.index is not None
        self.threads = Threads(counts(threads or request.threads or (1 if on_gpu else None)), self._use)
        self.card, self.batch = card, card.batch
        self.load_image: LoadImage = image_loader(card)
        self.recipe, self.names = request.recipe, card.names
        self.name, self.classes, self.input_size = card.network, card.classes, card.size
        where = "CPU" if self.runtime.get_providers()[0] == "CPUExecutionProvider" else "CUDA"
        self.about = f"ONNX Runtime {onnxruntime.__version__}, {where}, {card.data_type}"
        self.input = self.runtime.get_inputs()[0].name
        self.outputs = [each.name for each in self.runtime.get_outputs()]
        self.decode = self.decoder()

    def decoder(self) -> Decoder:
        return of_card(self.card)

    def _use(self, count: int) -> None:
        """Compute with ``count`` threads. ONNX Runtime takes their number once, when a graph is opened."""
        if count not in self._sessions:
            self._sessions[count] = self._open(threads=count)
        self.runtime = self._sessions[count]

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        found: list[Prediction] = []
        for part, count in parts(np.asarray(pixels), self.batch):
            with self.threads.timed(len(part)):
                outputs = self.run(part)
            found += [self.checked(self.decode(outputs, place)) for place in range(count)]
        return found

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        """The graph's outputs for ``pixels`` uint8 [B, H, W, 3]."""
        return self.named(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32))

    def named(self, given: NDArray[np.float32]) -> Outputs:
        """The outputs for an input, by their names."""
        return dict(zip(self.outputs, self.runtime.run(None, {self.input: given}), strict=True))

    def checked(self, prediction: Prediction) -> Prediction:
        """``prediction``. Raises ModelError for labels that the card has no class for."""
        labels = (prediction[name] for name in ("labels", "map") if name in prediction)
        if (last := max((int(each.max(initial=0)) for each in labels), default=0)) > len(self.classes):
            what = f"this model finds things of class {last}, its JSON names {len(self.classes)} classes"
            raise ModelError(what, hint="is that JSON another model's, or was it changed? Export it again")
        return prediction


class OneByOne(Session):
    """A graph from one image of any size to a prediction: its outputs by their names."""

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        return [self._one(image) for image in pixels]

    def _one(self, image: NDArray[np.uint8]) -> Prediction:
        given = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
        with self.threads.timed(1):
            return self.checked(self.named(given))


class Plugin(Session):
    """What TensorRT's plugin would be given: anchors and variances, offsets, probabilities, by its own settings."""

    def __init__(self, model: bytes, settings: dict[str, Any], card: Card, request: ModelRequest) -> None:
        self.settings = settings
        self.thresholds = Thresholds(
            confidence=settings["confidenceThreshold"],
            iou=settings["nmsThreshold"],
            top_k=settings["keepTopK"],
        )
        super().__init__(model, card, request)

    def decoder(self) -> Decoder:
        return self.found

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        mean, grey = self.card.input["mean"], self.card.input.get("grey")
        return self.named(prepared(pixels, mean=mean, grey=grey))

    def found(self, outputs: Outputs, picture: int) -> Prediction:
        given = list(outputs.values())
        inputs = [given[place][picture] for place in self.settings["inputOrder"]]
        offsets, conf, prior = inputs[0].reshape(-1, 4), inputs[1], inputs[2].reshape(2, -1, 4)
        scores = conf.reshape(len(offsets), self.settings["numClasses"])
        scores = require_classes(scores[:, self.settings["backgroundLabelId"] + 1 :], self.classes)
        corners = decode(offsets, prior[0], prior[1]) * (size_of(self.card)[::-1] * 2)
        return suppress(scores, corners.astype(np.float32), self.thresholds, candidates=self.settings["topK"])


def open(path: Path, request: ModelRequest) -> Session:
    require("onnxruntime")
    card = read(path, request, PLUGIN, *DECODERS)
    try:
        if card.decoding == PLUGIN:
            require("onnx")
            opened: Session = Plugin(*without_plugin(path), card, request)
        else:
            opened = (OneByOne if len(card.input["shape"]) == 3 else Session)(str(path), card, request)
    except HostError:
        raise
    except ModelError as error:
        error.where = path
        raise
    except Exception as failure:  # ONNX Runtime raises whatever its reader came upon
        first = str(failure).strip().partition("\n")[0]
        hint = "export it again; the file may be cut short or damaged"
        raise ModelError(f"ONNX Runtime cannot read it: {first}", where=path, hint=hint) from failure
    require_names(opened.runtime.get_modelmeta().custom_metadata_map.get(NAMES), card, path)
    return opened


def require(*packages: str) -> None:
    """Raise HostError unless these are installed."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise HostError(f"ONNX models need {', '.join(missing)}, which this Python does not have", hint=HINT)


def session(model: Any, device: Device, *, threads: int) -> Any:
    """``model`` (a path as text, or bytes) in ONNX Runtime with all of its optimisations.

    Raises HostError where a GPU was asked for that ONNX Runtime cannot use.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers: list[Any] = ["CPUExecutionProvider"]
    able = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device.asked and device.index is not None and not able:
        hint = "pip install onnxruntime-gpu in its place, or --device cpu"
        raise HostError("this ONNX Runtime computes on the CPU only", hint=hint)
    if (device.asked or device.numbered) and device.index is not None and able:
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.index}))
    return onnxruntime.InferenceSession(model, options, providers=providers)


def without_plugin(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The graph up to TensorRT's plugin, whose inputs become its outputs, and the plugin's settings."""
    import onnx

    model = onnx.load(path)
    nodes = [node for node in model.graph.node if node.op_type == TENSORRT_NMS]
    if len(nodes) != 1:
        what = f"there is no {TENSORRT_NMS} in it, which its JSON speaks of"
        raise ModelError(what, where=path, hint="is that JSON another model's? Export it again")
    (node,) = nodes
    model.graph.node.remove(node)
    del model.graph.output[:]
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 4) for name in node.input
    )
    settings = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    return model.SerializeToString(), settings
