"""The records: every op, declared once. `minigrad.NAME`, `Tensor.NAME` and the like come from here.

Reading order: elementwise (the plainest records), layout, activation, reduce, softmax, linalg; then what is made of these:
functions, shape, index, order, contract, solve, distance; random; and the losses, which are imported when `minigrad.nn` is.
"""

from minigrad.ops import (
    activation,
    contract,
    distance,
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
    solve,
)

__all__ = ["activation", "contract", "distance", "elementwise", "functions", "index", "layout", "linalg", "order", "random", "reduce", "shape", "softmax", "solve"]  # fmt: skip
