"""Threat models as written by people, checked: every mistake with the threat and key it is in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from seatrial.verdicts.policy.threat import MOST_EXAMPLES, MOST_SIDE, Mutable, ThreatModel

Mistake = tuple[str, str, str | None]  # the key below [policy.threat], what is wrong, the way out


def read_threats(document: object) -> tuple[Mapping[str, ThreatModel], list[Mistake]]:
    """The threat models of the table `[policy.threat]`, and every mistake in it."""
    if not isinstance(document, Mapping):
        return {}, [("", "must be a table of threat models.", "Write [policy.threat.NAME] above each.")]
    threats: dict[str, ThreatModel] = {}
    mistakes: list[Mistake] = []
    for name, table in document.items():
        parsed = _read(table)
        if isinstance(parsed, ThreatModel):
            threats[str(name)] = parsed
            parsed = list(_mistakes(parsed))
        mistakes += [(f"{name}.{key}".rstrip("."), problem, hint) for key, problem, hint in parsed]
    return threats, mistakes


def _read(table: object) -> ThreatModel | list[Mistake]:
    import pydantic  # heavy

    try:
        text = json.dumps(table, default=str)
        return pydantic.TypeAdapter(ThreatModel).validate_json(text, strict=True, extra="forbid")
    except pydantic.ValidationError as error:
        return [
            (
                ".".join(str(part) for part in detail["loc"]),
                "unknown key." if detail["type"] == "unexpected_keyword_argument" else f"{detail['msg'].lower()}.",
                None,
            )
            for detail in error.errors(include_url=False)
        ]


def _mistakes(threat: ThreatModel) -> Iterator[Mistake]:
    if not threat.budget > 0:
        yield "budget", f"{threat.budget:g} lets nobody change anything.", "Write how far an example may move."
    yield from _of_examples(threat)
    for key, tiers in (("tiers", threat.tiers), ("require", threat.require)):
        for tier in tiers:
            if tier not in threat.known_tiers:
                hint = f"Name some of {', '.join(threat.known_tiers)}."
                yield key, f'"{tier}" must be a tier of attacks within {threat.norm}.', hint
    missing = [tier for tier in threat.require if threat.tiers and tier not in threat.tiers]
    if missing:
        yield "require", f'"{missing[0]}" is required, but tiers leaves it out.', "Add it to tiers."
    if threat.norm == "table":
        yield from _of_table(threat)
        return
    if threat.low is None or threat.high is None or not threat.low < threat.high:
        yield "low", "low and high must say within which range the inputs lie.", "Write low = 0.0 and high = 1.0."
    elif threat.norm == "linf" and threat.budget > threat.high - threat.low:
        yield (
            "budget",
            f"{threat.budget:g} leaves the range of the inputs.",
            f"It is {threat.high - threat.low:g} wide.",
        )
    if threat.norm in ("l0", "patch") and threat.budget != int(threat.budget):
        yield "budget", f"{threat.budget:g} is not a number of inputs.", "Write a whole number."
    if threat.norm == "patch" and (len(threat.shape) < _PLANE or threat.budget > min(threat.shape[:_PLANE])):
        yield "shape", "a patch needs the shape of an image that it fits on.", "Write shape = [height, width]."
    if any(side < 1 for side in threat.shape) or len(threat.shape) > _IMAGE:
        yield "shape", f"{list(threat.shape)} is not a shape of an image.", "Write [height, width] or with channels."
    if threat.mutable or threat.constraints:
        yield "norm", "columns and constraints belong to a table.", 'Write norm = "table".'


def _of_examples(threat: ThreatModel) -> Iterator[Mistake]:
    if not 0 <= threat.examples <= MOST_EXAMPLES:
        yield "examples", f"{threat.examples} is not 0 to {MOST_EXAMPLES}.", "Write how many images a report shows."
    if threat.examples and (len(threat.shape) < _PLANE or max(threat.shape[:_PLANE]) > MOST_SIDE):
        yield (
            "examples",
            f"they are images of at most {MOST_SIDE} × {MOST_SIDE} pixels.",
            "Write their shape = [height, width], or leave the examples out.",
        )


_PLANE = 2  # height and width
_IMAGE = 3  # height, width, channels


def _of_table(threat: ThreatModel) -> Iterator[Mistake]:
    if not threat.mutable:
        yield (
            "mutable",
            "a threat model must have something that can be changed.",
            "Write [policy.threat.NAME.mutable.COLUMN] for a column that can.",
        )
    for name, column in threat.mutable.items():
        for key, problem, hint in _of_column(column):
            yield f"mutable.{name}.{key}", problem, hint


def _of_column(column: Mutable) -> Iterator[Mistake]:
    if not column.cost > 0:
        yield "cost", f"{column.cost:g} is not a valid cost.", "Write what one unit, or one change of a text, costs."
    if column.step is not None and not column.step > 0:
        yield "step", f"{column.step:g} is not a valid step.", "Write 1 for whole numbers."
    if column.low is not None and column.high is not None and not column.low < column.high:
        yield "low", f"{column.low:g} is not below {column.high:g}.", None
    if column.values and (column.low, column.high, column.step, column.direction) != (None, None, None, "both"):
        yield "values", "range, step and direction belong to numbers; this column is a text.", "Leave them out."
