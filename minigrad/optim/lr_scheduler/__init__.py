"""Learning rate schedules, under PyTorch's names and with its numbers. `step()` follows `optimizer.step()`."""

from typing import TYPE_CHECKING

from minigrad._absent import missing
from minigrad.optim.lr_scheduler._combined import ChainedScheduler as ChainedScheduler
from minigrad.optim.lr_scheduler._combined import SequentialLR as SequentialLR
from minigrad.optim.lr_scheduler._cyclic import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from minigrad.optim.lr_scheduler._cyclic import CyclicLR as CyclicLR
from minigrad.optim.lr_scheduler._cyclic import OneCycleLR as OneCycleLR
from minigrad.optim.lr_scheduler._decay import ConstantLR as ConstantLR
from minigrad.optim.lr_scheduler._decay import CosineAnnealingLR as CosineAnnealingLR
from minigrad.optim.lr_scheduler._decay import ExponentialLR as ExponentialLR
from minigrad.optim.lr_scheduler._decay import LambdaLR as LambdaLR
from minigrad.optim.lr_scheduler._decay import LinearLR as LinearLR
from minigrad.optim.lr_scheduler._decay import MultiplicativeLR as MultiplicativeLR
from minigrad.optim.lr_scheduler._decay import MultiStepLR as MultiStepLR
from minigrad.optim.lr_scheduler._decay import PolynomialLR as PolynomialLR
from minigrad.optim.lr_scheduler._decay import StepLR as StepLR
from minigrad.optim.lr_scheduler._plateau import ReduceLROnPlateau as ReduceLROnPlateau
from minigrad.optim.lr_scheduler._scheduler import LRScheduler as LRScheduler

if not TYPE_CHECKING:  # a checker knows the names that there are
    __getattr__ = missing(globals())
