"""The records: every op, declared once. `minigrad.NAME`, `Tensor.NAME` and the like come from here.

Reading order: elementwise (the plainest records), layout, activation, reduce, softmax, linalg; then what is made of these:
functions, shape, index, order, contract; random. More records are in `minigrad.linalg`, and, for networks, in
`minigrad.nn.ops`, which are declared when `minigrad.nn` is imported.
"""

from minigrad.ops import (
    activation,
    contract,
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

__all__ = ["activation", "contract", "elementwise", "functions", "index", "layout", "linalg", "order", "random", "reduce", "shape", "softmax"]  # fmt: skip
