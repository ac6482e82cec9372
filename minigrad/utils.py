"""`minigrad.utils.data` is `minigrad.data`, under the name that programs written for PyTorch know it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad import data as data
from minigrad._absent import missing

if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
