"""What a function's signature looks like without its annotations, to be compared with PyTorch's."""

import inspect


def plain_signature(function):
    """The parameters and their defaults, as in `(input, p=0.5, *, generator=None)`."""
    made = inspect.isclass(function)  # of a class those of __init__, without self: asked for a class that inherits it and has
    signature = inspect.signature(function.__init__ if made else function)  # a __call__, Python 3.10 gives those of __call__
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()][made:]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
