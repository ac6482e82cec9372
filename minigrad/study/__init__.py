"""Backpropagation to look at: explained as the chain rule, walked through op by op, drawn, timed, and checked by hand."""

from minigrad.study._check import Verdict, check
from minigrad.study._explain import Explanation, Paths, explain
from minigrad.study._picture import Picture, show
from minigrad.study._timing import Profile, profile
from minigrad.study._walk import Move, Walk, debug

__all__ = ["Explanation", "Move", "Paths", "Picture", "Profile", "Verdict", "Walk", "check", "debug", "explain", "profile", "show"]
