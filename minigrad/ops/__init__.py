"""The records: every op, declared once. `minigrad.NAME`, `Tensor.NAME` and the like come from here.

Reading order: elementwise (the plainest records), layout, activation, functions, reduce, softmax, linalg, random; the losses, which
are imported when `minigrad.nn` is.
"""

from minigrad.ops import (
    activation,
    elementwise,
    functions,
    index,
    layout,
    linalg,
    order,
    random,
    reduce,
    shape,
    softmax,
)

__all__ = ["activation", "contract", "elementwise", "functions", "index", "layout", "linalg", "order", "random", "reduce", "shape", "softmax"]
