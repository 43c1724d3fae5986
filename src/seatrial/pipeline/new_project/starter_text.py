"""The texts of a new project that are written for its table. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.pipeline.new_project.inferred_schema import InferredSchema
from seatrial.pipeline.new_project.project_template import clip_line, one_line, positive_line, toml_list, toml_text
from seatrial.tryout.policy_file import default_metric
from seatrial.verdicts.policy import Policy

_FORMATS = ("csv", "parquet", "jsonl")
_WIDTH = 100  # of a list in columns.py, before it gets a line for each name


def columns_module(schema: InferredSchema) -> str:
    """The text of columns.py: what is a number, a text, the label, and what is left out."""
    others = [name for name in _FORMATS if name != schema.format]
    lines = [
        '"""What the data is, inferred from its values: correct what they cannot tell."""',
        "",
        f"FORMAT = {_python(schema.format)}  # or {', '.join(map(_python, others))}",
        f"DELIMITER = {_python(schema.delimiter)}",
        _names("NUMBERS", schema.numbers),
        f"{_names('TEXTS', schema.texts)}  # one feature a value",
        f"{_names('KEPT', schema.group_columns)}  # in the tables, and no features",
    ]
    if schema.left_out:
        lines.append("# Left out:")
        lines += [f"#   {one_line(f'{name}: {why}')}" for name, why in schema.left_out]
    lines += [
        f"LABEL = {_python(schema.label)}",
        f"{_names('CLASSES', schema.classes)}  # empty: the label is an amount",
        f'POSITIVE = {_python(schema.positive or "")}  # as in seatrial.toml; "": there are not two classes',
    ]
    return "\n".join(lines) + "\n"


def project_file(schema: InferredSchema, *, name: str, step_parameter: tuple[str, int]) -> str:
    """The text of `seatrial.toml`."""
    metric = default_metric(schema.task, schema.clip)
    lines = [
        "# Written by `seatrial init`; everything in it may be changed. Then: seatrial run",
        "",
        "[project]",
        f"name = {toml_text(name)}",
        'pipeline = "pipeline"  # the module with the steps: pipeline.py',
        "",
        "[data]",
        'test = "rows.test"  # a step\'s table: measured, and never chosen from; every look at it is counted',
        'validation = "rows.validation"  # `seatrial run --rehearse` measures here, and counts nothing',
        f"label = {toml_text(schema.label)}",
        f"task = {toml_text(schema.task)}",
    ]
    if schema.positive is not None:
        lines.append(positive_line(schema.positive, schema.classes))
    if schema.groups:
        lines.append(f"groups = {toml_list(schema.groups)}  # whom to compare")
    else:
        example = toml_list([*schema.texts[:1]] or ["column"])
        lines += [f'#groups = {example}  # whom to compare: by value, by bins ("age:18,40,65"), several ("a*b")']
    lines += [
        "",
        "[model]",
        'from = "model"  # the step that trains',
        "",
        "[params.model]",
        f"{step_parameter[0]} = {step_parameter[1]}  # or --set model.{step_parameter[0]}={step_parameter[1] * 2}",
        "",
        "[policy]",
        f"confidence = {Policy().confidence!r}",
        *([] if schema.clip is None else [clip_line(schema.clip)]),
        "",
        "# Better than an answer that needs no model: the most frequent class, or the middle of the values.",
        "[[policy.require]]",
        f"metric = {toml_text(metric)}",
        'no_worse_than = "baseline"',
        "",
        *_more(schema, metric),
    ]
    return "\n".join(lines) + "\n"


def _more(schema: InferredSchema, metric: str) -> Iterator[str]:
    """Requirements that wait to be switched on."""
    yield "# What the model's use needs: set it before the first run that counts, and rehearse till then."
    yield "#[[policy.require]]"
    yield f"#metric = {toml_text(metric)}"
    yield "#at_least = 0.8" if schema.clip is None else f"#at_most = {schema.clip / 10:g}  # in the label's unit"
    yield ""
    yield "# Once a release has passed: no worse than it, on the same rows. It does not apply to the first."
    yield "#[[policy.require]]"
    yield f"#metric = {toml_text(metric)}"
    yield '#no_worse_than = "newest_passed"'
    if schema.task != "regression":
        yield "#margin = 0.01"
    if schema.task == "binary":
        yield ""
        yield "# Those who would be rightly found are found about as often in every group (see groups above)."
        yield "#[[policy.require]]"
        yield '#metric = "true_positive_rate"'
        yield f"#gap_between = {toml_text((schema.groups or schema.texts or ('column',))[0].partition(':')[0])}"
        yield "#at_most = 0.1"


def readme(schema: InferredSchema, *, name: str, raw: str, extras: str, spark: bool) -> str:
    """What lies in the folder, and what to do with it."""
    needs = "Spark needs Java 17 or newer: `seatrial doctor` tells.\n\n" if spark else ""
    return f"""# {name}

```
pip install "seatrial[{extras}]"
seatrial put {raw} raw/        # the raw files into the project's store
seatrial run --rehearse        # trains, and measures on validation: nothing is counted
seatrial run                   # measures on the test data, judges, and signs a release that carries its verdict
seatrial report                # one HTML file
```

{needs}| file | what is in it |
|---|---|
| `columns.py` | what the columns are: correct it first ({len(schema.numbers)} numbers, {len(schema.texts)} texts) |
| `preparing.py` | reads the raw files, and splits them into training, validation and test data |
| `training.py` | trains the model |
| `pipeline.py` | the two steps that call them |
| `seatrial.toml` | what is measured, and what has to hold |

Everything is kept under `.seatrial/`, the looks at the test data among it: keep that folder.
"""


def _names(variable: str, names: tuple[str, ...]) -> str:
    if not names:
        return f"{variable}: list[str] = []"
    line = f"{variable} = [{', '.join(map(_python, names))}]"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{variable} = [", *(f"    {_python(name)}," for name in names), "]"])


def _python(text: str) -> str:
    """A Python string in double quotes, as ruff writes it; the escapes of JSON are Python's too."""
    return toml_text(text)
