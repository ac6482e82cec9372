"""The methods of Tensor that are ops. Their records fill the class; stubs.py writes their signatures beside it, for editors
and type checkers."""

from __future__ import annotations

from minigrad import _draw, _inplace, _questions, _stacks, _statistics, linalg, ops
from minigrad._op import surface

#: What declares the ops, and so must have been imported.
_DECLARED = (_draw, _questions, _stacks, _statistics, linalg, ops)


class Methods:
    """x.exp() is exp(x), x.exp_() writes it over x."""

    __slots__ = ()


for _name, _function in surface["Tensor"].items():
    setattr(Methods, _name, _function)
for _name in _inplace.METHODS.split():
    setattr(Methods, f"{_name}_", _inplace.method(f"{_name}_", surface["Tensor"][_name]))
