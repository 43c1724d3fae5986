"""The `seatrial.toml` and README of a project that begins with a finished model. Pure: values in, text out.

A line that starts with "# " is prose; one that starts with "#" and a letter or bracket is TOML that waits to be
switched on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.models.signature import Signature
from seatrial.trial.positive_class import known_positive
from seatrial.trial.question import Question
from seatrial.tryout.policy_file import default_metric
from seatrial.verdicts.alpha_spending import confidence_for_use
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.metrics import METRICS, Better, Metric
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial

STEP = 0.05  # suggestions about shares are multiples of it: round, and not what happened to be measured
GAP = 0.1  # between groups, of shares
DIGITS = 2  # significant ones, of suggestions in a unit
SHOWN_INPUTS = 12
_BY = {"binary": ("accuracy",), "multiclass": ("accuracy",), "regression": ("clipped_mae",)}
_GAPS = {
    "binary": ("selection_rate", "true_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("clipped_mae",),
}


@dataclass(frozen=True, slots=True)
class ProjectTemplate:
    """What a project is begun with. `model` and the tables are as its file is to name them."""

    name: str
    model: str
    test: str
    validation: str | None
    train: str | None
    question: Question
    signature: Signature
    origin: str  # where the model was copied from
    test_uses: str | None = None  # where uses of test data are counted with those of others


def project_file(template: ProjectTemplate, groups: Sequence[str], trial: Trial | None) -> str:
    """The text of `seatrial.toml`; with `trial`, what was measured stands beside the suggestions."""
    question, signature = template.question, template.signature
    lines = [
        "# Written by `seatrial init` from a finished model; everything in it may be changed. Then: seatrial run",
        "",
        "[project]",
        f"name = {toml_text(template.name)}",
        "",
        "[model]",
        f"from = {toml_text(template.model)}  # a copy of {toml_text(template.origin)}",
        *_signature(signature),
    ]
    if question.classes is not None:
        lines.append(f"classes = {toml_list(question.classes)}  # in the order of its probabilities")
    if question.inputs is not None:
        lines.append(f"inputs = {toml_list(question.inputs)}  # the columns of its matrix, in its order")
    if question.threshold is not None:
        lines.append(f"threshold = {question.threshold!r}")
    elif signature.threshold is not None:
        lines.append(f"#threshold = {signature.threshold!r}  # the least probability that is answered positive")
    lines += ["", "[data]", f"test = {toml_text(template.test)}  # read where it lies; measured, and never chosen from"]
    if template.validation is not None:
        lines.append(
            f"validation = {toml_text(template.validation)}  # bins and baselines; `run --rehearse` counts nothing"
        )
    else:
        lines += [
            "# Rows that are not test data would let you rehearse without a count: seatrial run --rehearse",
            '#validation = "FILE"',
        ]
    if template.train is not None:
        lines.append(f"train = {toml_text(template.train)}  # fits baselines; rows of it in the test data are found")
    lines += [f"label = {toml_text(question.label)}", f"task = {toml_text(signature.task)}"]
    if signature.positive is not None:
        guessed = question.positive is None and known_positive(signature.classes) is None
        lines.append(positive_line(signature.positive, signature.classes, guessed=guessed))
    if question.weight is not None:
        lines.append(f"weight = {toml_text(question.weight)}")
    if question.groups:
        lines.append(
            f"groups = {toml_list(question.groups)}  # requirements name them: {', '.join(map(toml_text, groups))}"
        )
    else:
        lines += [
            "# Whom to compare, by value, by bins, several at once; the columns need not be the model's.",
            '#groups = ["sex", "age:18,25,45,65", "sex*race"]',
        ]
    lines += ["", *_policy(question, signature, groups, trial)]
    if template.test_uses is not None:
        lines += [
            "",
            "[profile.local]",
            f"test_uses = {{ url = {toml_text(template.test_uses)} }}  # counted with others",
        ]
    return "\n".join(lines) + "\n"


def readme(template: ProjectTemplate) -> str:
    """What lies in the folder, and what to do with it."""
    test, name = template.test, template.name
    return f"""# {name}

`{template.model}` is a copy of the model; `{test}` is the test data, where it lies. `seatrial.toml` says what they
are and what has to hold. No Python, no Java and no server are needed.

```
seatrial run        # measures, judges, and signs a release that carries its verdict
seatrial verify     # digests, signature, trust, and the evidence judged again
seatrial report     # one HTML file
seatrial serve      # a release that passed, over HTTP
```

Every look at the test data is counted under `.seatrial/`, with the releases: keep that folder. To try another model,
copy it over `{template.model}`, and run again.
"""


def _signature(signature: Signature) -> Iterator[str]:
    shown = [f"{column.name} ({column.kind})" for column in signature.inputs[:SHOWN_INPUTS]]
    more = len(signature.inputs) - len(shown)
    yield _comment(f"It takes {', '.join(shown)}{f' and {more} more' if more > 0 else ''}.")
    if signature.classes:
        yield _comment(f"It answers one of {', '.join(signature.classes)}.")
    else:
        yield _comment("It answers with a number.")


def _policy(question: Question, signature: Signature, groups: Sequence[str], trial: Trial | None) -> Iterator[str]:
    metric = default_metric(signature.task, question.clip)
    yield "[policy]"
    yield f"confidence = {Policy().confidence!r}"
    if question.clip is not None:
        yield clip_line(question.clip)
    if question.quantile is not None:
        yield f"quantile = {question.quantile!r}"
    if question.largest_weight is not None:
        yield f"largest_weight = {question.largest_weight!r}  # of anybody, in these tables or not"
    bins = {part.column: part.edges for spec in parse_groups(question.groups) for part in spec.parts if part.edges}
    if bins:
        edges = (
            f"{toml_text(column)} = [{', '.join(map(repr, column_edges))}]" for column, column_edges in bins.items()
        )
        yield f"bins = {{ {', '.join(edges)} }}"
    yield ""
    yield "# Better than an answer that needs no model: the most frequent class, or the middle of the values."
    if trial is not None and (evidence := _evidence(trial, Claim(metric, against="baseline"))):
        yield _comment(
            f"{metric} minus that of the {evidence[0].conditions.get('reference', 'baseline')}: {_said(evidence[0])}"
        )
    yield "[[policy.require]]"
    yield f"metric = {toml_text(metric)}"
    yield 'no_worse_than = "baseline"'
    yield ""
    if trial is not None:
        yield from _how_measured(trial)
        yield ""
    yield "# Once a release has passed: no worse than it, on the same rows. It does not apply to the first."
    yield "#[[policy.require]]"
    yield f"#metric = {toml_text(metric)}"
    yield '#no_worse_than = "newest_passed"'
    if signature.task != "regression":
        yield "#margin = 0.01"
    if trial is None:
        return
    for candidate in METRICS.values():
        if candidate.in_policies and candidate.fits(signature.task):
            yield from _suggestion(candidate, Claim(candidate.name), question, trial)
    for group in groups:
        for name in _BY[signature.task]:
            yield from _suggestion(METRICS[name], Claim(name, Family.GROUPS, group), question, trial)
        for name in _GAPS[signature.task]:
            yield from _suggestion(METRICS[name], Claim(name, Family.PAIRS, group), question, trial)


def clip_line(clip: float) -> str:
    """The policy's clip, and what it is."""
    return f"clip = {clip!r}  # the largest error that counts in full, in the label's unit: a larger one counts as this"


def _is_stated(metric: Metric, question: Question) -> bool:
    """Whether the policy states the settings that the metric needs."""
    settings = {"clip": question.clip, "quantile": question.quantile}
    return all(settings.get(name, True) is not None for name in metric.needs)


def _how_measured(trial: Trial) -> Iterator[str]:
    confidence = f"bounds at {trial.confidence * 100:.4g} %"
    if trial.test_use is None:
        yield f"# What is said below was measured on the validation rows ({confidence}); that counts nothing. The test"
        yield "# data was not looked at. Set what the model's use needs, rehearse, and run when it counts."
        return
    use = trial.test_use
    following = confidence_for_use(Policy().confidence, use.use + 1) * 100
    yield f"# What is said below was measured in use {use.use} of this test data ({use.rows:,} rows; {confidence})."
    yield "# Uses by `seatrial try` on this machine are among them; those elsewhere are not."
    yield "# `seatrial run` with this policy is the same use: nothing is measured twice. Set what the model's use needs"
    yield f"# BEFORE the next look: another policy is use {use.use + 1}, judged at {following:.4g} %."
    yield "# Thresholds that were fitted to the numbers below prove little; fresh test data is the judge of those."


def _suggestion(metric: Metric, claim: Claim, question: Question, trial: Trial) -> Iterator[str]:
    evidence = _evidence(trial, claim)
    if not evidence or not _is_stated(metric, question):
        return
    gap = claim.family is Family.PAIRS
    worst = max(evidence, key=lambda interval: abs(interval.estimate)) if gap else _worst(evidence, metric)
    yield ""
    yield _comment(f"{claim}{_where(worst, len(evidence))}: {_said(worst)}")
    if gap:
        limit = ("at_most", GAP if metric.high - metric.low <= 1 else _up(max(abs(worst.low), abs(worst.high))))
    elif metric.better is Better.HIGHER:
        limit = ("at_least", _down(worst.low, metric))
    elif metric.better is Better.LOWER:
        limit = ("at_most", min(_up(worst.high), metric.high))
    else:
        return
    if not math.isfinite(limit[1]):
        yield "# It has no bound, so that nothing can be required of it" + (
            ": give a clip, and require the clipped metric." if metric.high == math.inf else "."
        )
        return
    yield "#[[policy.require]]"
    yield f"#metric = {toml_text(metric.name)}"
    if claim.column is not None:
        yield f"#{'gap_between' if gap else 'by'} = {toml_text(claim.column)}"
    yield f"#{limit[0]} = {limit[1]!r}"


def _where(worst: Evidence, slices: int) -> str:
    if worst.claim.family is Family.ALL:
        return ""
    place = worst.slice.removeprefix(f"{worst.claim.column}: ").removeprefix(f"{worst.claim.column}=")
    if slices == 1:
        return f", {place}"
    return f", {'widest' if worst.claim.family is Family.PAIRS else 'worst'} of {slices}, {place}"


def _evidence(trial: Trial, claim: Claim) -> list[Evidence]:
    return [evidence for evidence in trial.evidence if evidence.claim == claim]


def _worst(evidence: Sequence[Evidence], metric: Metric) -> Evidence:
    choose = max if metric.better is Better.LOWER else min
    return choose(evidence, key=lambda interval: interval.estimate)


def _said(evidence: Evidence) -> str:
    doubts = "".join(f"; doubt: {flag.code}" for flag in evidence.flags)
    return f"{evidence.estimate:.4g} ({evidence.low:.4g} to {evidence.high:.4g}){doubts}"


def _down(low: float, metric: Metric) -> float:
    if metric.low == 0 and metric.high == 1:
        return round(max(0.0, math.floor(low / STEP) * STEP), 2)
    return -_up(-low)


def _up(high: float) -> float:
    """The next number of two significant digits that is no smaller."""
    if high == 0 or not math.isfinite(high):
        return high
    unit = 10.0 ** (math.floor(math.log10(abs(high))) - DIGITS + 1)
    return float(f"{math.ceil(high / unit) * unit:.12g}")


def positive_line(positive: str, classes: Sequence[str], *, guessed: bool = False) -> str:
    """The line of `[data]` that names the positive class, with what a wrong one would turn round."""
    negative = next((name for name in classes if name != positive), "")
    doubt = " (a guess: the names do not tell)" if guessed else ""
    about = "precision, true_positive_rate, selection_rate and such are about it"
    return f"positive = {toml_text(positive)}  {_comment(f'and not {toml_text(negative)}{doubt}: {about}')}"


def toml_text(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's, and DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_list(texts: Sequence[str]) -> str:
    """A TOML list of strings."""
    return f"[{', '.join(map(toml_text, texts))}]"


def _comment(text: str) -> str:
    return f"# {one_line(text)}"


def one_line(text: str) -> str:
    """The text for a comment: one line, whatever names from data hold."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
