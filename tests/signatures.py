"""What a function's signature looks like without its annotations, to be compared with PyTorch's."""

import inspect


def plain_signature(function):
    """The parameters and their defaults, as in `(input, p=0.5, *, generator=None)`."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
