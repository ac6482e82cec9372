"""docs/ops.md, built anew: everything is on it, and what it shows for a derivative is the record's. The chapters: their code
runs and prints what they show, and their links lead to files."""

import ast
import re
import runpy
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

import minigrad.nn  # noqa: F401 - the losses are declared when they are first asked for
from minigrad import _op

DOCS = Path(__file__).parent.parent / "docs"
SCRIPT = DOCS / "make_ops.py"

pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="the docs are not here")

DIFFERENTIABLE = [op for op in _op.registry.values() if isinstance(op, _op.Op) and any(op.rules)]


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """{name: its entry}, of every name that the page has an anchor for."""
    path = tmp_path_factory.mktemp("docs") / "ops.md"
    runpy.run_path(str(SCRIPT))["main"]([str(path)])
    found = {}
    for part in re.split(r"(?=^<a id=)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        for name in re.findall(r'<a id="([^"]+)"></a>', part.partition("\n")[0]):
            assert name not in found
            found[name] = part
    return found


def paragraphs(text):
    """Without escapes, and with single spaces."""
    return " ".join(text.replace("\\", "").split())


def test_every_record_is_there_with_its_doc(sections):
    for name, record in _op.registry.items():
        assert paragraphs(record.doc) in paragraphs(sections[f"op.{name}"])


def test_every_name_of_the_surface_is_there_with_its_doc(sections):
    for space, names in _op.surface.items():
        for name, function in names.items():
            section = sections[f"{space}.{name}"]
            assert f"{space}.{name}" in section.partition("\n")[2]
            assert function.__doc__
            assert paragraphs(function.__doc__) in paragraphs(section)


def test_every_link_leads_somewhere(sections):
    links = {link for part in sections.values() for link in re.findall(r"\(#([^)]+)\)", part)}
    assert links
    assert links <= set(sections)


@pytest.mark.parametrize(
    ("name", "kernel"),
    [("op.exp", "`mg_exp`"), ("op.sum", "`mg_sum`"), ("op.mse_loss", "`mg_mse`, `mg_mse_sum`"), ("op.linear", "`mg_matmul`"),
     ("op.arcsin", "NumPy"), ("op.getitem", "NumPy"), ("minigrad.var", "composition of [div](#op.div), [mean](#op.mean)")],
)  # fmt: skip
def test_kernels(sections, name, kernel):
    assert f"\nKernel: {kernel}" in sections[name]


# -- derivatives: the source that is shown compiles to what the record holds -------------------------------------------------


def meaning(code):
    """What a compiled function does, wherever it stands: older versions of Python keep the place in the name of a function
    within."""
    consts = [meaning(c) if isinstance(c, CodeType) else repr(c).rpartition("<locals>.")[2] for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, consts


def compiled(node, function):
    """A function of the page, compiled among the variables that the record's has around it. Modules are imported first,
    since Python calls their functions in a way of its own."""
    modules = [name for name, value in function.__globals__.items() if isinstance(value, ModuleType)]
    tree = ast.parse("".join(f"import {name}\n" for name in modules) + f"def around({', '.join(function.__code__.co_freevars)}): ...")
    tree.body[-1].body = [node if isinstance(node, ast.stmt) else ast.Return(node)]
    code = compile(ast.fix_missing_locations(tree), "page", "exec")
    for _ in range(2):
        code = next(c for c in code.co_consts if isinstance(c, CodeType))
    return code


def around(function):
    """The variables that a formula has around it."""
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
def test_derivatives_are_those_of_the_record(sections, op):
    section = sections[f"op.{op.name}"]
    (block,) = re.findall(r"```python\n(.*?)\n```", section, re.DOTALL)
    tree = ast.parse(block).body
    assigned = {node.targets[0].id: node.value for node in tree if isinstance(node, ast.Assign)}
    functions = {node.name: node for node in tree if isinstance(node, ast.FunctionDef)}
    shown = {key.value: value for key, value in zip(assigned["vjp"].keys, assigned["vjp"].values, strict=True)} if op.vjp else {}
    assert list(shown) == list(op.vjp)
    if set(op.inputs) - set(op.vjp) - set(op.nondiff):
        shown["composition"] = assigned["composition"]
    for name, node in shown.items():
        formula = op.vjp.get(name, op.composition)
        node = functions[node.id] if isinstance(node, ast.Name) else node
        assert meaning(compiled(node, formula)) == meaning(formula.__code__)
        assert all(f"{n} = {c.cell_contents}" in section for n, c in around(formula) if isinstance(c.cell_contents, int))
        for called, function in formula.__globals__.items():
            if called in functions and isinstance(function, FunctionType):
                assert meaning(compiled(functions[called], function)) == meaning(function.__code__)


def test_inputs_without_a_derivative_are_named(sections):
    assert "\nNo derivative: target, weight, log_sum, total.\n" in sections["op.cross_entropy_bwd"]


# -- chapters with code ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", ["own_ops", "jit", "saving", "training", "../README"])
def test_the_code_of_a_chapter_runs(chapter, capsys):
    text = (DOCS / f"{chapter}.md").read_text()
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    known = dict(_op.registry), {space: dict(names) for space, names in _op.surface.items()}
    try:
        exec(compile(program, f"{chapter}.md", "exec"), {"__name__": chapter})
    finally:  # a record of a chapter is no record of ours
        _op.registry.clear()
        _op.registry.update(known[0])
        for space, names in known[1].items():
            _op.surface[space].clear()
            _op.surface[space].update(names)
    printed = capsys.readouterr().out
    expected = {
        "own_ops": "softclip",
        "jit": "jit: item reads a value",
        "../README": "tensor([[2., 4.],\n        [6., 8.]])",
        "saving": "net.npz: this is no whole .npz file",
        "training": "to go on from epoch 30",
    }
    assert expected[chapter] in printed


def test_what_a_chapter_shows_is_what_its_code_prints(tmp_path, monkeypatch, capsys):
    """Each block of code, and the block without a language that follows it."""
    text = (DOCS / "studying.md").read_text()
    monkeypatch.chdir(tmp_path)
    names, compared = {}, 0
    for code, shown in re.findall(r"^```python\n(.*?)^```\n(?:```\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL):
        exec(compile(code, "studying.md", "exec"), names)
        printed = capsys.readouterr().out
        if shown:
            assert printed == shown
            compared += 1
    assert compared == text.count("\n```\n```\n")
    assert (tmp_path / "tape.html").is_file()


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), DOCS.parent / "README.md", DOCS.parent / "csrc" / "README.md"], ids=lambda p: "/".join(p.parts[-2:]))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_listing_of_the_chapter_is_the_programs():
    """But for its last column, the line of the source."""
    text = (DOCS / "jit.md").read_text()
    names = {}
    exec(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0], names)
    (shown,) = re.findall(r"^```\n(#  op .*?)```", text, re.MULTILINE | re.DOTALL)
    printed = re.sub(r" +(line|<string>:\d+)$", "", str(names["step"].programs[-1]), flags=re.MULTILINE)
    assert shown.splitlines() == printed.splitlines()
