"""Whether every public function, class and property of the Python package says what it is and names its parameters.

usage: check_python_docs.py FOLDER   (apps/python/isoflop); nothing is imported, so nothing needs to be built
"""
import ast
import pathlib
import sys


def parameters(node):
    arguments = node.args
    every = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [argument.arg for argument in every if argument.arg not in ("self", "cls")]


def gaps_of(body, where, module):
    for node in body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        name, text = where + node.name, ast.get_docstring(node) or ""
        if len(text) < 20:
            yield f"{module}:{node.lineno}: {name} has no docstring"
        elif not isinstance(node, ast.ClassDef):
            for parameter in parameters(node):
                if parameter not in text:
                    yield f"{module}:{node.lineno}: the docstring of {name} does not name {parameter}"
        yield name
        if isinstance(node, ast.ClassDef):
            yield from gaps_of(node.body, name + ".", module)


def main(folder):
    found = []
    for path in sorted(pathlib.Path(folder).glob("*.py")):
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            found.append(f"{path}:1: the module has no docstring")
        found += gaps_of(tree.body, "", str(path))
    gaps = [line for line in found if ": " in line]
    print("\n".join(gaps + [f"{len(found) - len(gaps)} public names, {len(gaps)} gaps"]))
    return 1 if gaps or len(found) - len(gaps) < 25 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
