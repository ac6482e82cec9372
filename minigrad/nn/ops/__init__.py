"""The records that networks bring: losses, activations made of others, normalisation, embeddings, dropout's kin. They are declared when `minigrad.nn` is imported.

Reading order: losses, crossentropy, margins; activation; norm; embedding; dropout; attention.
"""

from minigrad.nn.ops import activation, attention, crossentropy, dropout, embedding, losses, margins, norm

__all__ = ["activation", "attention", "crossentropy", "dropout", "embedding", "losses", "margins", "norm"]
