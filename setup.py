"""The part of the build that pyproject.toml cannot say: the C kernels."""

from setuptools import setup

setup(cffi_modules=["csrc/build.py:ffi"])
