"""`seatrial assess`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seatrial.cli.next_command import Call
from seatrial.cli.options import Budget, Directory, Groups, Json, Label, Profile, Trust
from seatrial.cli.output import print_json, print_lines
from seatrial.cli.rows_progress import rows_progress
from seatrial.errors import InputError

NOT_PASSED = 3


def command(
    release: str | None = None,
    *,
    on: Annotated[
        str | None,
        Parameter(help="Where its servers keep samples: s3://… or a folder; without it, samples/ of the store."),
    ] = None,
    labels: Annotated[
        str | None, Parameter(help="The table of labels that came later: request_id, row, and what is true.")
    ] = None,
    label: Label = None,
    groups: Groups = (),
    seed: Annotated[int, Parameter(help="Of whatever the methods draw.")] = 7,
    budget: Budget = None,
    report: Annotated[Path, Parameter(help="Where the report goes, one HTML file.")] = Path("report.html"),
    digest: Annotated[str | None, Parameter(help="Refuse any release.json but the one of this sha256.")] = None,
    trust: Trust = None,
    profile: Profile = "local",
    directory: Directory = Path(),
    self_test: Annotated[
        bool, Parameter(negative="", show_default=False, help="Try models and data that are known to be bad.")
    ] = False,
    json: Json = False,
) -> int:
    """Does a release's policy still hold, on rows that it answered in service?

    Joins labels to samples (`serve --sample`) by request_id and row, and measures
    what the policy requires as the trial does, with its bounds; the look at these
    rows is counted. Label and groups are the project's unless they are named.
    What samples cannot tell is not measured, and says why. Exit status: 0 the
    policy holds; 1 the release does not verify; 2 the command or a file is
    wrong; 3 the policy does not hold, or nobody can tell.

    With --self-test, the trial on trial: dozens of models and data sets with
    known faults (masked gradients, an unfair intersection, flipped labels, leaks)
    go through the whole trial. Exit status: 0 all as they should be, 1 otherwise.

    For example:

        seatrial assess census@2 --labels labels.csv
        seatrial assess census@2 --on s3://samples/served --labels s3://lake/labels
        seatrial assess --self-test
    """
    if self_test:
        if release is not None or labels is not None or on is not None:
            raise InputError(
                "--self-test takes no release.", path="assess", hint="Leave out the release, or --self-test."
            )
        return _self_test(json=json)
    if labels is None:
        raise InputError(
            "say what to assess.",
            path="assess",
            hint="Write RELEASE --labels TABLE, or --self-test; a finished model is tried by `seatrial try`, a project "
            "by `seatrial run`.",
        )
    from seatrial.pipeline.assess_samples import SamplesArguments, assess_release
    from seatrial.tryout.command import assessment_document, check_report, split_groups
    from seatrial.verdicts.verdict import Outcome

    check_report(report)
    arguments = SamplesArguments(
        release,
        on,
        labels,
        label,
        split_groups(groups),
        digest=digest,
        trust=trust,
        profile=profile,
        directory=directory,
        seed=seed,
        **({} if budget is None else {"budget_s": budget}),
    )
    with rows_progress(live=sys.stderr.isatty() and not json, quiet=json) as on_progress:
        result = assess_release(arguments, on_progress=on_progress)
    assessment = result.assessment
    written = assessment.save(report)
    if json:
        document = assessment_document(assessment, report=written)
        print_json({**document, "release": assessment.model, "samples": result.document()})
    else:
        print(assessment)  # noqa: T201  # its lines are printable
        print_lines(f"Report: {written.resolve()}", _CONCLUSIONS[assessment.outcome].format(assessment.model))
        if assessment.outcome is Outcome.FAIL:
            print_lines(f"Next: {Call(profile, directory).then('run')}, with rows of these days")
    return 0 if assessment.outcome in (None, Outcome.PASS) else NOT_PASSED


_CONCLUSIONS = {
    None: "{}: its policy requires nothing.",
    "pass": "{}: its policy holds on these rows.",
    "fail": "{}: its policy no longer holds.",
    "inconclusive": "{}: whether its policy holds cannot be said from these rows.",
}


def _self_test(*, json: bool) -> int:
    from seatrial.trial.self_test import run_self_test

    wrong, results = 0, []
    for result in run_self_test():
        wrong += not result.right
        results.append(result)
        if not json:
            print_lines(f"{'as it should be' if result.right else 'WRONG':15}  {result.name}: {result.found}")
            if not result.right:
                print_lines(f"{'':15}  it should be: {result.expected}")
    if json:
        fields = ("name", "expected", "found", "right")
        print_json({"cases": [{name: getattr(case, name) for name in fields} for case in results], "ok": not wrong})
        return int(wrong > 0)
    print_lines(f"{len(results) - wrong} of {len(results)} as they should be.")
    print_lines("Next: seatrial try --example" if not wrong else "Do not trust a verdict of this installation.")
    return int(wrong > 0)
