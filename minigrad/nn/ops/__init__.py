"""The records that networks bring: losses, activations made of others, embeddings. They are declared when `minigrad.nn` is imported.

Reading order: losses, crossentropy, margins; activation; embedding.
"""

from minigrad.nn.ops import activation, crossentropy, embedding, losses, margins

__all__ = ["activation", "crossentropy", "embedding", "losses", "margins"]
