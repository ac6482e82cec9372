"""The records that networks bring: losses, and activations made of others. They are declared when `minigrad.nn` is imported.

Reading order: losses, crossentropy, margins; activation.
"""

from minigrad.nn.ops import activation, crossentropy, losses, margins

__all__ = ["activation", "crossentropy", "losses", "margins"]
