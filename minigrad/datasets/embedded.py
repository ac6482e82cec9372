"""Four small datasets, stored as text next to this file, read without a network in a few milliseconds.

The functions are called as in scikit-learn: ``load_iris()`` returns a ``Bunch``, ``load_iris(return_X_y=True)`` the
pair (X, y). One difference: X is float32 unless ``dtype=`` says otherwise, so that ``minigrad.tensor(X)`` fits the
float32 parameters of ``nn.Linear``. Every call returns new, writable arrays.
"""

from __future__ import annotations

# ruff: noqa: N803 (return_X_y is the argument's name in scikit-learn)
import os
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from minigrad.errors import DTypeError, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    import numpy.typing as npt

    Array = npt.NDArray[Any]


class Bunch(dict[str, Any]):
    """A dict whose keys are also attributes: ``bunch.data`` is ``bunch["data"]``."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"this Bunch has no {name!r}; it has {', '.join(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        parts = (f"{key}={_brief(value)}" for key, value in self.items())
        return f"Bunch({', '.join(parts)})"


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} array of shape {value.shape}>"
    return f"<{type(value).__name__} of {len(value)}>" if isinstance(value, (str, list)) else repr(value)


@overload
def load_digits(
    *, n_class: int = 10, return_X_y: Literal[False] = False, dtype: npt.DTypeLike = np.float32
) -> Bunch: ...
@overload
def load_digits(
    *, n_class: int = 10, return_X_y: Literal[True], dtype: npt.DTypeLike = np.float32
) -> tuple[Array, Array]: ...
def load_digits(
    *, n_class: int = 10, return_X_y: bool = False, dtype: npt.DTypeLike = np.float32
) -> Bunch | tuple[Array, Array]:
    """Handwritten digits: 1,797 images of 8x8 pixels, 10 classes of 174 to 183 images.

    A pixel counts the ink in a 4x4 block of a 32x32 bitmap: an integer from 0 to 16. These are the test images of the
    original collection, written by 13 people.

    Keys: ``data`` (1797, 64), ``dtype`` (float32); ``images`` (1797, 8, 8), a view of ``data``; ``target`` (1797,),
    int64, 0 to 9; ``feature_names``, ``target_names``, ``DESCR``. ``return_X_y=True`` returns (data, target) instead,
    and ``n_class=k`` only the digits below k (1 to 10).

    Errors: ValueError for ``n_class`` outside of 1 to 10, DTypeError (a TypeError) for a ``dtype`` that is not a float.

    Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, https://doi.org/10.24432/C50P49. Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/.
    Changes: the file of the test set only, one character per pixel.
    """
    kind = _float_dtype("load_digits", dtype)
    if not isinstance(n_class, (int, np.integer)) or not 1 <= n_class <= 10:
        raise ValueError(message("load_digits", "n_class", repr(n_class), "an int from 1 to 10, the digits to keep"))
    # One line per image: the digit, a comma, then 64 pixels as digits of base 17, "0" to "9" and "a" to "g".
    value_of = np.zeros(128, np.uint8)
    value_of[list(b"0123456789abcdefg")] = np.arange(17)
    _, _, body = _read("digits.csv").partition("\n")
    lines = np.frombuffer(body.encode("ascii"), np.uint8).reshape(-1, len("d,") + 64 + len("\n"))
    values = value_of[lines[lines[:, 0] < ord("0") + n_class]]
    data, target = values[:, 2:66].astype(kind), values[:, 0].astype(np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        images=data.reshape(-1, 8, 8),
        feature_names=[f"pixel_{row}_{column}" for row in range(8) for column in range(8)],
        target_names=np.arange(n_class),
        DESCR=_description(load_digits),
    )


@overload
def load_iris(*, return_X_y: Literal[False] = False, dtype: npt.DTypeLike = np.float32) -> Bunch: ...
@overload
def load_iris(*, return_X_y: Literal[True], dtype: npt.DTypeLike = np.float32) -> tuple[Array, Array]: ...
def load_iris(*, return_X_y: bool = False, dtype: npt.DTypeLike = np.float32) -> Bunch | tuple[Array, Array]:
    """Iris flowers: 150 plants, 4 measurements in centimetres, 3 species of 50 plants.

    Keys: ``data`` (150, 4), ``dtype`` (float32); ``target`` (150,), int64, 0 setosa, 1 versicolor, 2 virginica;
    ``feature_names``, ``target_names``, ``DESCR``. ``return_X_y=True`` returns (data, target) instead.

    Errors: DTypeError (a TypeError) for a ``dtype`` that is not a float.

    Source: R. A. Fisher (1936), The Use of Multiple Measurements in Taxonomic Problems, Annals of Eugenics 7(2),
    179-188; UCI Machine Learning Repository, https://doi.org/10.24432/C56C76. Licence: CC BY 4.0,
    https://creativecommons.org/licenses/by/4.0/. Changes: two plants that differ from the paper in the repository's
    file (rows 34 and 37, counted from 0) have the paper's values, and species are numbered.
    """
    data, target, names = _table("iris.csv", _float_dtype("load_iris", dtype))
    if return_X_y:
        return data, target.astype(np.int64)
    return Bunch(
        data=data,
        target=target.astype(np.int64),
        feature_names=names,
        target_names=np.array(["setosa", "versicolor", "virginica"]),
        DESCR=_description(load_iris),
    )


@overload
def load_breast_cancer(*, return_X_y: Literal[False] = False, dtype: npt.DTypeLike = np.float32) -> Bunch: ...
@overload
def load_breast_cancer(*, return_X_y: Literal[True], dtype: npt.DTypeLike = np.float32) -> tuple[Array, Array]: ...
def load_breast_cancer(*, return_X_y: bool = False, dtype: npt.DTypeLike = np.float32) -> Bunch | tuple[Array, Array]:
    """Breast masses: 569 samples, 30 measurements of cell nuclei; 212 are malignant, 357 benign.

    Ten properties of the nuclei in one image (radius, texture, perimeter, area, smoothness, compactness, concavity,
    concave points, symmetry, fractal dimension), each as mean, standard error and "worst" (the mean of the three
    largest). Their ranges differ by a factor of 10^5: scale the columns before training.

    Keys: ``data`` (569, 30), ``dtype`` (float32); ``target`` (569,), int64, 0 malignant, 1 benign; ``feature_names``,
    ``target_names``, ``DESCR``. ``return_X_y=True`` returns (data, target) instead.

    Errors: DTypeError (a TypeError) for a ``dtype`` that is not a float.

    Source: W. Wolberg, O. Mangasarian, N. Street and W. Street (1993), Breast Cancer Wisconsin (Diagnostic), UCI
    Machine Learning Repository, https://doi.org/10.24432/C5DW2B. Licence: CC BY 4.0,
    https://creativecommons.org/licenses/by/4.0/. Changes: the patient numbers are left out and the diagnosis is a
    number.
    """
    data, target, names = _table("breast_cancer.csv", _float_dtype("load_breast_cancer", dtype))
    if return_X_y:
        return data, target.astype(np.int64)
    return Bunch(
        data=data,
        target=target.astype(np.int64),
        feature_names=names,
        target_names=np.array(["malignant", "benign"]),
        DESCR=_description(load_breast_cancer),
    )


@overload
def load_diabetes(
    *, return_X_y: Literal[False] = False, scaled: bool = True, dtype: npt.DTypeLike = np.float32
) -> Bunch: ...
@overload
def load_diabetes(
    *, return_X_y: Literal[True], scaled: bool = True, dtype: npt.DTypeLike = np.float32
) -> tuple[Array, Array]: ...
def load_diabetes(
    *, return_X_y: bool = False, scaled: bool = True, dtype: npt.DTypeLike = np.float32
) -> Bunch | tuple[Array, Array]:
    """Diabetes progression: 442 patients, 10 measurements; a regression task.

    Age in years, sex (1 or 2), body mass index, blood pressure, and six blood serum values: s1 total cholesterol, s2
    low-density and s3 high-density lipoproteins, s4 the ratio s1 / s3, s5 probably the logarithm of triglycerides, s6
    blood sugar. The target measures how far the disease has progressed one year later (25 to 346).

    ``scaled=True`` shifts each column to mean 0 and scales it to a sum of squares of 1, so its standard deviation is
    1 / sqrt(442) = 0.048; ``scaled=False`` returns the measurements.

    Keys: ``data`` (442, 10) and ``target`` (442,), both ``dtype`` (float32); ``feature_names``, ``DESCR``.
    ``return_X_y=True`` returns (data, target) instead.

    Errors: DTypeError (a TypeError) for a ``dtype`` that is not a float.

    Source: B. Efron, T. Hastie, I. Johnstone and R. Tibshirani (2004), Least Angle Regression, Annals of Statistics
    32(2), 407-499; table at https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html. Licence: the table's page states
    none. Two of the authors distribute it, standardised, in their R package lars (GPL-2); scikit-learn distributes these
    numbers with its code (BSD 3-Clause).
    """
    kind = _float_dtype("load_diabetes", dtype)
    data, target, names = _table("diabetes.csv", np.dtype(np.float64))
    if scaled:
        data -= data.mean(axis=0)
        data /= np.sqrt((data * data).sum(axis=0))
    data, target = data.astype(kind), target.astype(kind)
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, feature_names=names, DESCR=_description(load_diabetes))


def _float_dtype(operation: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind.kind != "f":
        raise DTypeError(message(operation, "dtype", kind, "a float dtype, numpy.float32 or numpy.float64"))
    return kind


def _table(file: str, dtype: np.dtype[Any]) -> tuple[Array, Array, list[str]]:
    """The columns of a CSV file but the last, the last one (float64), and the names in its header."""
    header, _, body = _read(file).partition("\n")
    names = header.split(",")
    # float() on each field rounds correctly and takes 2 ms for the largest file here; numpy.loadtxt takes far longer.
    values = np.fromiter(map(float, body.replace("\n", ",").rstrip(",").split(",")), np.float64).reshape(-1, len(names))
    return values[:, :-1].astype(dtype), values[:, -1].copy(), names[:-1]


def _read(file: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), file), encoding="ascii") as stream:
        return stream.read()


def _description(function: Callable[..., Any]) -> str:
    """The function's docstring without its indentation (empty under ``python -OO``, which removes docstrings)."""
    return "\n".join(line.removeprefix("    ") for line in (function.__doc__ or "").rstrip().split("\n"))
