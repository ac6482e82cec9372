"""A line search for the strong Wolfe conditions, from x along d:

    f(x + t d) <= f(x) + C1 t f'(x).d          the loss falls, by a fraction of what the slope promises
    |f'(x + t d).d| <= C2 |f'(x).d|            the slope is flatter, so t is not too short

Nocedal and Wright, Numerical Optimization (2006): algorithm 3.5 finds an interval that contains such a step, and 3.6 (zoom)
narrows it; both guess by the cubic through two points and their slopes (their equation 3.59).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

C1, C2 = 1e-4, 0.9
#: The number of points tried after the first, at most, unless the caller asks for fewer.
MOST = 25
#: An interval is given up when x moves by less than this across it.
NARROW = 1e-9


class Point(NamedTuple):
    """What is known at x + t d: the loss, its gradient there, and the slope, gradient . d."""

    t: float
    loss: float
    grad: Any
    slope: float


def strong_wolfe(at: Callable[[float], Point], start: Point, t: float, size: float, most: int = MOST) -> tuple[Point, int]:
    """A point that fulfils the conditions, or the best that was found, and how often `at` was called.

    at     evaluates a step length
    start  the point at t = 0, where the slope is negative
    t      the length to try first
    size   the largest number in d: what a step of 1 moves
    most   points tried after the first, at most
    """
    interval, tried = _bracket(at, start, t, most)
    if len(interval) == 2:
        return _zoom(at, start, interval, size, tried, most)
    return interval[0], tried + 1


def _falls(point: Point, start: Point) -> bool:
    return not point.loss > start.loss + C1 * point.t * start.slope


def _is_flat(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -C2 * start.slope


def _bracket(at: Callable[[float], Point], start: Point, t: float, most: int) -> tuple[list[Point], int]:
    """Tries longer and longer steps, until one fulfils the conditions (returned alone) or the last two enclose such a step."""
    last, point = start, at(t)
    for tried in range(most):
        if not _falls(point, start) or (tried > 1 and point.loss >= last.loss):
            return [last, point], tried
        if _is_flat(point, start):
            return [point], tried
        if point.slope >= 0:
            return [last, point], tried
        t = _cubic(last, point, point.t + 0.01 * (point.t - last.t), point.t * 10)
        last, point = point, at(t)
    return [start, point], most


def _zoom(
    at: Callable[[float], Point], start: Point, interval: list[Point], size: float, tried: int, most: int
) -> tuple[Point, int]:
    """Narrows an interval. `low` is the end with the smaller loss; a right step lies where the loss falls from there."""
    low, high = interval if interval[0].loss <= interval[1].loss else interval[::-1]
    stuck = False  # the last guess was close to an end
    while tried < most and abs(high.t - low.t) * size >= NARROW:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t, edge = _cubic(low, high, left, right), 0.1 * (right - left)
        near = min(right - t, t - left) < edge
        if near and (stuck or t >= right or t <= left):  # twice, or at it: a tenth of the way inside
            t = right - edge if abs(t - right) < abs(t - left) else left + edge
            near = False
        stuck = near
        point, tried = at(t), tried + 1
        if not _falls(point, start) or point.loss >= low.loss:
            high = point
        elif _is_flat(point, start):
            low = point
            break
        else:
            if point.slope * (high.t - low.t) >= 0:
                high = low
            low = point
        if high.loss < low.loss:
            low, high = high, low
    return low, tried + 1


def _cubic(a: Point, b: Point, low: float, high: float) -> float:
    """The minimum of the cubic through two points, limited to [low, high]; the midpoint if it has none."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = sqrt(square)
    below = b.slope - a.slope + 2 * d2
    if below == 0:
        return (low + high) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / below), low), high)
