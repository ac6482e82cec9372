"""The records: every op, declared once. `minigrad.NAME`, `Tensor.NAME` and the like come from here.

Reading order: elementwise (the plainest records), activation, layout, reduce, softmax, linalg, random; the losses, which
are imported when `minigrad.nn` is.
"""

from minigrad.ops import activation, elementwise, layout, linalg, random, reduce, softmax

__all__ = ["activation", "elementwise", "layout", "linalg", "random", "reduce", "softmax"]
