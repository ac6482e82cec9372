"""Small real datasets that come with minigrad (``embedded.py``), and a reader of the MNIST files (``mnist.py``)."""

from minigrad.datasets.embedded import Bunch, load_breast_cancer, load_diabetes, load_digits, load_iris
from minigrad.datasets.mnist import MNIST

__all__ = ["MNIST", "Bunch", "load_breast_cancer", "load_diabetes", "load_digits", "load_iris"]
