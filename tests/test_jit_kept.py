"""What Python keeps of a captured step, and what a program is given, do not share memory unawares."""

import minigrad as mg


def test_keywords_are_no_dict_by_position():
    def step(x, scales=None, scale=None):
        return x + scales["scale"] if scales is not None else x * scale

    run, x, y = mg.jit(step), mg.ones(3), mg.full((3,), 5.0)
    for _ in range(2):
        assert run(x, {"scale": y}).tolist() == [6.0] * 3
        assert run(x, scale=y).tolist() == [5.0] * 3
    assert len(run.programs) == 2
