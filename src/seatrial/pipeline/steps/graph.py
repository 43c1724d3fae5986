"""The steps of a project as a graph: loaded from its module, checked whole, in an order that can run."""

from __future__ import annotations

import graphlib
import importlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType

from seatrial.errors import InputError, Problems, SeatrialError, did_you_mean
from seatrial.pipeline.steps.declaration import DECLARED, Step
from seatrial.pipeline.steps.user_traceback import user_line

Graph = Mapping[str, Step]  # by name, each after what it needs


def load_graph(directory: Path, module_name: str) -> Graph:
    """Imports the project's module and returns its steps; every mistake in them at once."""
    return order_steps(_declared_steps(_import(directory, module_name)))


def order_steps(steps: Sequence[Step]) -> Graph:
    """The steps in an order that can run, or `Problems`: names given twice, inputs nobody makes, cycles."""
    problems: list[SeatrialError] = []
    by_name: dict[str, Step] = {}
    for step in steps:
        if step.name in by_name:
            problems.append(
                _mistake(step, "two steps have this name, and would write the same outputs.", "Rename one.")
            )
        by_name[step.name] = step
    makers = {reference: step.name for step in by_name.values() for reference in step.references}
    tables: dict[str, str] = {}
    for reference, maker in makers.items():
        if (earlier := tables.setdefault(table_name(reference), reference)) != reference:
            problem = f"{reference!r} and {earlier!r} would be one table, {table_name(reference)}."
            problems.append(_mistake(by_name[maker], problem, "Rename one."))
    needs: dict[str, set[str]] = {name: set() for name in by_name}
    for step in by_name.values():
        for argument, source in step.inputs.items():
            if not isinstance(source, str):
                continue
            if source in makers:
                needs[step.name].add(makers[source])
            else:
                hint = did_you_mean(source, makers) or f"There is: {', '.join(sorted(makers)) or 'nothing yet'}."
                problems.append(_mistake(step, f"input {argument!r}: no step makes {source!r}.", hint))
    if not problems:
        try:
            names = list(graphlib.TopologicalSorter(needs).static_order())
        except graphlib.CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            problems.append(
                _mistake(by_name[error.args[1][0]], f"the steps need each other: {circle}.", "Cut one input.")
            )
        else:
            return MappingProxyType({name: by_name[name] for name in names})
    raise Problems(problems)


def table_name(reference: str) -> str:
    """The name, within the project's namespace, of the table that an output is kept in if it is one."""
    return reference.replace(".", "_")


def _mistake(step: Step, problem: str, hint: str) -> InputError:
    path = inspect.getsourcefile(step.function)
    return InputError(
        f"step {step.name!r}: {problem}", path=path, line=step.function.__code__.co_firstlineno, hint=hint
    )


def module_file(directory: Path, module_name: str) -> Path:
    """Where the project's module lies."""
    return directory / f"{module_name.replace('.', '/')}.py"


def make_importable(directory: Path) -> None:
    """Lets this process import the project's modules."""
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def _import(directory: Path, module_name: str) -> ModuleType:
    path = module_file(directory, module_name)
    if not path.is_file():
        raise InputError(
            f"[project] pipeline = {module_name!r}: the module does not exist.",
            path=str(path),
            hint="Write it, or name the module that has the steps.",
        )
    make_importable(directory)
    try:
        return importlib.import_module(module_name)
    except SeatrialError:
        raise
    except (Exception, SystemExit) as error:
        raise _import_failed(error, directory) from error


def _import_failed(error: Exception | SystemExit, directory: Path) -> InputError:
    if isinstance(error, SyntaxError):
        return InputError(f"{error.msg}.", path=error.filename, line=error.lineno, hint="Correct the syntax.")
    path, line = user_line(error, directory)
    return InputError(
        f"importing the pipeline raised {type(error).__name__}: {error}.",
        path=path,
        line=line,
        hint="Correct that line; what only one step needs is best imported inside it.",
    )


def _declared_steps(module: ModuleType) -> list[Step]:
    own: list[Step] = list(getattr(module, DECLARED, []))
    functions = {step.function for step in own}
    for value in vars(module).values():  # steps that the module imports from others of the project
        for step in getattr(sys.modules.get(getattr(value, "__module__", "")), DECLARED, []):
            if step.function is value and value not in functions:
                own.append(step)
                functions.add(value)
    if not own:
        raise InputError(
            "the module declares no step.", path=module.__file__, hint="Decorate a function with @seatrial.step(…)."
        )
    return own
