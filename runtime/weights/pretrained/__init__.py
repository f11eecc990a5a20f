"""``-m FILE`` with ``--initial_epoch 1``: a training begins with weights that someone has, ourselves included.

Taken are our own checkpoints of any epoch, pruned or of other classes; state dicts of torchvision; weights of timm.
What fits goes in by name and shape, all else keeps its initialisation, and lines say which is which.
"""

from runtime.weights.pretrained.adopting import adopt, read
from runtime.weights.pretrained.reading import Foreign

__all__ = ["Foreign", "adopt", "read"]
