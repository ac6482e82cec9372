"""Backpropagation to look at: explained as the chain rule, walked through op by op, drawn, and timed."""

from minigrad.study._explain import Explanation, Paths, explain
from minigrad.study._picture import Picture, show
from minigrad.study._timing import Profile, profile
from minigrad.study._walk import Move, Walk, debug

__all__ = ["Explanation", "Move", "Paths", "Picture", "Profile", "Walk", "debug", "explain", "profile", "show"]
