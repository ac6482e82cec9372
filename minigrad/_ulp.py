"""How far a result is from the exact one, in units in the last place (ULP): the measure of every accuracy bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minigrad.errors import DTypeError, ShapeError, message

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


def ulp_distance(got: NDArray[Any], exact: NDArray[Any]) -> NDArray[np.float64]:
    """Distance |got - exact| in ULP of got's type, by element.

    got: float32 or float64; exact: the same shape in a type with more digits (float64; numpy.longdouble). A ULP is the
    distance of the two neighbours in got's type that enclose |exact| (Goldberg 1991, "What every computer scientist
    should know about floating-point arithmetic"), so it doubles at powers of two and stays the same among subnormal
    numbers. A correctly rounded result is at most 0.5 away.

    NaN for NaN, and inf where exact rounds to that inf, are 0 away; any other NaN or inf is infinitely far. The sign
    of a zero does not count. DTypeError, ShapeError: other types, different shapes.
    """
    if got.dtype not in (np.float32, np.float64):
        raise DTypeError(message("ulp_distance", "got", got.dtype, "float32 or float64"))
    own = np.finfo(got.dtype)
    if exact.dtype.kind != "f" or np.finfo(exact.dtype).nmant <= own.nmant:
        raise DTypeError(
            message("ulp_distance", "exact", exact.dtype, f"a float type with more digits than {got.dtype}")
        )
    if got.shape != exact.shape:
        raise ShapeError(message("ulp_distance", "exact", f"shape {exact.shape}", f"shape {got.shape}, that of got"))

    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        nearest = exact.astype(got.dtype)
        exponent = np.where(exact == 0, own.minexp, np.maximum(np.frexp(exact)[1] - 1, own.minexp))
        distance = np.abs(np.ldexp(got.astype(exact.dtype) - exact, own.nmant - exponent)).astype(np.float64)
    same = (got == nearest) | (np.isnan(got) & np.isnan(exact))
    special = ~(np.isfinite(got) & np.isfinite(nearest))
    return np.where(special, np.where(same, 0.0, np.inf), distance)
