"""The functions of `minigrad` that are ops. Their records fill this module; stubs.py writes their signatures beside it, for
editors and type checkers."""

from __future__ import annotations

from minigrad._op import surface

globals().update(surface["minigrad"])

__all__ = sorted(surface["minigrad"])
