"""Tables of vectors, and rows of them by number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad._array import from_array
from minigrad._op import composed, public
from minigrad._questions import array_of
from minigrad._samples import Draw, Sample
from minigrad.errors import LabelError, message
from minigrad.ops.index import integers
from minigrad.ops.layout import getitem_op

if TYPE_CHECKING:
    from typing import Any


@public("one_hot", "nn.functional")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A new last dimension with 1 at the label, else 0; int64. num_classes -1: as many as the largest label asks for."""
    labels = array_of(tensor)
    classes = int(labels.max(initial=-1)) + 1 if num_classes == -1 else num_classes
    array = integers("one_hot", tensor, classes, "tensor")
    if array.size and array.min() < 0:
        raise LabelError(message("one_hot", "tensor", int(array.min()), "labels of at least 0"))
    return from_array((array[..., None] == np.arange(classes)).astype(np.int64))


@composed(
    lambda weight, *, input: weight[input], lambda: [Sample(Draw((4, 3)), input=np.array([[0, 2], [2, 3]]))], spaces=""
)
def _embedding(weight: Any, *, input: Any) -> Any:
    """Rows of a table."""
    return getitem_op(weight, index=integers("embedding", input, weight.shape[0], "input"))


@public("embedding", "nn.functional")
def embedding(input: Any, weight: Any) -> Any:
    """The rows of weight (num_embeddings, dim) that input names: input's shape and a last dimension more."""
    return _embedding(weight, input=input)
