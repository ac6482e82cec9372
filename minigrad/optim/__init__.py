"""Optimizers, under PyTorch's names and with its arithmetic: one C call updates all parameters of a group."""

from minigrad.optim._adam import Adam as Adam
from minigrad.optim._adam import AdamW as AdamW
from minigrad.optim._optimizer import Optimizer as Optimizer
from minigrad.optim._sgd import SGD as SGD
