"""Penalties on weights under Keras's names: `regularizer(weight)` is what is added to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import message
from minigrad.keras._get import Configured, by_names, lookup, made

if TYPE_CHECKING:
    from typing import Any, ClassVar


class L1L2(Configured):
    """l1 times the sum of |w|, which draws weights to 0, plus l2 times the sum of w^2, which keeps them small."""

    l1 = l2 = 0.0
    _options: ClassVar[dict[str, Any]] = {"l1": 0.0, "l2": 0.0}

    def _settle(self) -> None:
        for option, value in self._given.items():
            if not value >= 0:
                raise ValueError(message(type(self).__name__, option, value, "a number of at least 0"))

    def __call__(self, weight: Any) -> Any:
        """The penalty."""
        terms = [self.l1 * weight.abs().sum()] if self.l1 or not self.l2 else []
        terms += [self.l2 * weight.square().sum()] if self.l2 else []
        return sum(terms[1:], terms[0])


L1 = made(L1L2, "L1", "l1 times the sum of |w|.", _options={"l1": 0.01})
L2 = made(L1L2, "L2", "l2 times the sum of w^2.", _options={"l2": 0.01})
_TABLE = by_names((L1, L2, L1L2))


def get(identifier: Any) -> Any:
    """A regularizer by its name or class, or itself; None is none."""
    return None if identifier is None else lookup("regularizers", identifier, _TABLE)
