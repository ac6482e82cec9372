"""minigrad.progress: the lines of a bar, and when they are drawn."""

import io
import re
import sys

import pytest

from minigrad import progress
from minigrad.progress import Bar, coloured, line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((4, 4, 0.005, {"accuracy": 0.34, "loss": 1.1163}, True, False),
         "4/4 ━━━━━━━━━━━━━━━━━━━━ 0s 1ms/step - accuracy: 0.3400 - loss: 1.1163"),
        ((1, 4, 1.2, {"loss": 0.0005}, False, False), "1/4 ━━━━━━━━━━━━━━━━━━━━ 3s 1s/step - loss: 5.0000e-04"),
        ((3, 3, 0.003, {"loss": 1.3}, True, True), "3/3 - 0s - 1ms/step - loss: 1.3000"),
        ((391, 391, 3725.0, {}, True, True), "391/391 - 1:02:05 - 10s/step"),
        ((5, None, 61.0, {}, False, False), "5/Unknown ━━━━━━━━━━━━━━━━━━━━ 1:01 12s/step"),
        ((12, 391, 0.001, {}, True, False), " 12/391 ━━━━━━━━━━━━━━━━━━━━ 0s 83us/step"),
    ],
)  # fmt: skip
def test_the_line_of_the_bar(arguments, expected):
    assert line(*arguments) == expected


def test_the_colours_of_the_bar():
    text = line(1, 4, 0.1, {"loss": 1.0}, False, False)
    drawn = coloured(text, 1 / 4)
    assert drawn.startswith("\x1b[1m1/4 \x1b[32m━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━\x1b[0m 0s 100ms/step")
    assert re.sub("\x1b\\[[0-9]+m", "", drawn) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_drawn_over(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    bar = Bar(4)
    assert bar.due()
    bar.draw(1, {"loss": 12345.0})
    assert not bar.due()
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    assert bar.due()
    bar.close(4, {"loss": 1.0})
    first, last = re.sub("\x1b\\[[0-9]+m", "", sys.stdout.getvalue()).split("\r")[1:]
    assert re.fullmatch(r"1/4 ━{20} 0s \d+[mu]s/step - loss: 12345.0000", first)
    assert re.fullmatch(r"4/4 ━{20} 0s \d+[mu]s/step - loss: 1.0000 *\n", last)
    assert len(last) >= len(first)  # the longer line before is covered


def test_a_file_gets_the_last_line(capsys):
    for bar in (Bar(4), Bar(plain=True)):
        assert not bar.due()
        bar.draw(1, {"loss": 2.0})
        assert not capsys.readouterr().out
        bar.close(4, {"loss": 1.0})
        assert re.fullmatch(rf"4/4 {'- 0s -' if bar.plain else '━{20} 0s'} \d+[mu]s/step - loss: 1.0000\n", capsys.readouterr().out)
