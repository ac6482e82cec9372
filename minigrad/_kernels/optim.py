"""Optimizers: pointers to all parameters of a group, their gradients and state; updated in place."""

from __future__ import annotations

from minigrad._kernels.layout import pair

sgd, adam = pair("sgd"), pair("adam")
rmsprop, adagrad, adadelta = pair("rmsprop"), pair("adagrad"), pair("adadelta")
adamax, nadam, radam = pair("adamax"), pair("nadam"), pair("radam")
