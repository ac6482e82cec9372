"""Optimizers, under PyTorch's names and with its arithmetic: one C call updates all parameters of a group."""

from minigrad.optim import lr_scheduler as lr_scheduler
from minigrad.optim._adadelta import Adadelta as Adadelta
from minigrad.optim._adagrad import Adagrad as Adagrad
from minigrad.optim._adam import Adam as Adam
from minigrad.optim._adam import AdamW as AdamW
from minigrad.optim._adamax import Adamax as Adamax
from minigrad.optim._lbfgs import LBFGS as LBFGS
from minigrad.optim._nadam import NAdam as NAdam
from minigrad.optim._optimizer import Optimizer as Optimizer
from minigrad.optim._radam import RAdam as RAdam
from minigrad.optim._rmsprop import RMSprop as RMSprop
from minigrad.optim._sgd import SGD as SGD
