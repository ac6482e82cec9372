"""Sample inputs of the records, as descriptions: what is drawn from them is made when a test or benchmark asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[int, ...]


class Draw:
    """An input: uniform reals from [low, high], none closer than `gap` to a value in `away` (the kinks of the op), or
    all different by at least `gap` where `distinct`; kind "int" draws from low .. high-1, "bool", "rows" (positive rows
    that sum to 1) and "definite" (symmetric positive definite matrices) as they say."""

    __slots__ = ("away", "distinct", "gap", "high", "kind", "low", "shape")

    def __init__(
        self, shape: Shape, low: float = -2.0, high: float = 2.0, *, away: Sequence[float] = (), gap: float = 0.05,
        kind: str = "real", distinct: bool = False,
    ) -> None:  # fmt: skip
        self.shape, self.low, self.high = shape, low, high
        self.away, self.gap, self.kind, self.distinct = away, gap, kind, distinct

    def __repr__(self) -> str:
        return "x".join(map(str, self.shape)) or "scalar"


class Sample:
    """One call of an op: a Draw (or None) for each input, and the keywords."""

    __slots__ = ("inputs", "keywords")

    def __init__(self, *inputs: Draw | None, **keywords: Any) -> None:
        self.inputs, self.keywords = inputs, keywords

    def __repr__(self) -> str:
        return ", ".join([*map(repr, self.inputs), *[f"{k}={v}" for k, v in self.keywords.items()]])


#: Scalars, one element, empty, odd sizes, more than one dimension.
SHAPES: tuple[Shape, ...] = ((), (1,), (0,), (7,), (2, 3), (0, 4), (5, 1, 3), (33,))
#: Pairs that broadcast.
PAIRS: tuple[tuple[Shape, Shape], ...] = (
    ((), ()), ((5,), (5,)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((4,), (1,)),
    ((0, 3), (3,)), ((2, 1, 3), (4, 1)), ((33,), (33,)),
)  # fmt: skip


def unary(
    low: float = -2.0, high: float = 2.0, *, away: Sequence[float] = (), **keywords: Any
) -> Callable[[], list[Sample]]:
    """One input of every shape."""
    return lambda: [Sample(Draw(shape, low, high, away=away), **keywords) for shape in SHAPES]


def binary(
    low: float = -2.0, high: float = 2.0, *, y_low: float | None = None, y_high: float | None = None, away: Sequence[float] = (),
    x_away: Sequence[float] = (), **keywords: Any,
) -> Callable[[], list[Sample]]:  # fmt: skip
    """Two inputs of every pair of shapes. `away`: what y keeps clear of, `x_away`: x."""
    return lambda: [
        Sample(
            Draw(x, low, high, away=x_away),
            Draw(y, low if y_low is None else y_low, high if y_high is None else y_high, away=away),
            **keywords,
        )
        for x, y in PAIRS
    ]


def reductions(*, empty: bool = True, distinct: bool = False) -> Callable[[], list[Sample]]:
    """One input of several shapes with dimensions to reduce, which are kept or not. empty: also where nothing is reduced."""
    cases: list[tuple[Shape, Shape]] = [((), ()), ((7,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3), (0, 1)), ((2, 3, 4), (0, 2))]
    cases += [((5, 33), (1,)), ((33, 5), (0,)), ((3, 0), (0,))]
    cases += [((0,), (0,)), ((0, 3), (0,))] if empty else []
    return lambda: [Sample(Draw(s, distinct=distinct), dim=d, keepdim=keep) for s, d in cases for keep in (False, True)]
