"""Which source code a step's answer depends on, and the digest of it.

In the step's own module: its function, whatever of the module's top level that reaches by name, and what acts there.
Of every project module that this imports, anywhere: the whole file, and so on. Comments and layout do not count. What
is imported by a computed name is not seen.
"""

from __future__ import annotations

import ast
import inspect
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seatrial.errors import InputError
from seatrial.stores.documents import sha256


def code_digest(function: Callable[..., Any], directory: Path) -> str:
    """The sha256 of the project's code that `function` can reach by name; `directory` is the project's folder."""
    path = Path(inspect.getsourcefile(function) or "")
    sources = {}
    reached = list(_reach(_parse(path), function.__name__))
    sources[_relative(path, directory)] = "\n".join(ast.unparse(statement) for statement in reached)
    queue = deque(imported for statement in reached for imported in _imports(statement, path, directory))
    while queue:
        module = queue.popleft()
        name = _relative(module, directory)
        if name in sources and module != path:
            continue
        tree = _parse(module)
        if sources.get(name) != (whole := ast.unparse(tree)):
            sources[name] = whole
            queue.extend(_imports(tree, module, directory))
    return sha256("\0".join(f"{name}\0{text}" for name, text in sorted(sources.items())).encode())


def imported_files(path: Path, directory: Path) -> tuple[Path, ...]:
    """The project's files that a file of it imports; none where it does not parse."""
    try:
        return tuple(_imports(ast.parse(path.read_bytes()), path, directory))
    except (SyntaxError, ValueError):
        return ()


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise InputError(f"{error.msg}.", path=str(path), line=error.lineno, hint="Correct the syntax.") from None


def _relative(path: Path, directory: Path) -> str:
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else path.name


def _reach(tree: ast.Module, start: str) -> Iterator[ast.stmt]:
    """The module's top-level statements that `start` depends on, in order; those that act always run, so they count."""
    acting = [statement for statement in tree.body if _acts(statement)]
    defines = {statement: _defined(statement) for statement in tree.body}
    reached = set(acting)
    names = {start}.union(*map(_names, acting))
    while added := [
        statement for statement, defined in defines.items() if statement not in reached and defined & names
    ]:
        reached.update(added)
        names.update(*map(_names, added))
    return (statement for statement in tree.body if statement in reached)


def _acts(node: ast.AST) -> bool:
    """Whether a statement does more than name what it defines: a call for its effect, an import of all names."""
    match node:
        case ast.Expr(value):
            return not isinstance(value, ast.Constant)
        case ast.Assert() | ast.Raise() | ast.ImportFrom(names=[ast.alias(name="*")]):
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return False
    blocks = ast.stmt, ast.excepthandler, ast.match_case
    return any(_acts(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, blocks))


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _defined(statement: ast.stmt) -> set[str]:
    """The names that it gives, takes away, or changes a part of: `x = 1`, `del x`, `x[0] = 1`, `x.y = 1`."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}  # what is inside stays inside
    names = set()
    for inner in ast.walk(statement):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(inner.name)
        elif isinstance(inner, ast.Name | ast.Subscript | ast.Attribute) and not isinstance(inner.ctx, ast.Load):
            names.add(_base(inner))
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).split(".")[0] for alias in inner.names)
    return names


def _base(target: ast.expr) -> str:
    """`x` of `x[0].y`; "" for a part of something without a name."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _imports(node: ast.AST, path: Path, directory: Path) -> Iterator[Path]:
    """The project's files that `node` imports."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                yield from _files(alias.name, directory)
        elif isinstance(inner, ast.ImportFrom):
            base = inner.module or ""
            if inner.level:
                package = path.parent
                for _ in range(inner.level - 1):
                    package = package.parent
                base = ".".join([*package.relative_to(directory).parts, *filter(None, [base])])
            yield from _files(base, directory)
            for alias in inner.names:
                yield from _files(f"{base}.{alias.name}".lstrip("."), directory)


def _files(module: str, directory: Path) -> Iterator[Path]:
    parts = module.split(".") if module else []
    for length in range(1, len(parts) + 1):
        stem = directory.joinpath(*parts[:length])
        if (stem / "__init__.py").is_file():
            yield stem / "__init__.py"
    if parts and (single := directory.joinpath(*parts).with_suffix(".py")).is_file():
        yield single
