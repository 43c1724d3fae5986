"""What strangers name their files, groups and models never drives a terminal, and never makes a line of its own."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.cli.output import print_json, print_lines, report_error
from seatrial.errors import InputError, Problems
from seatrial.report.terminal.measured import measured_lines, not_measured_lines
from seatrial.report.terminal.printable import printable
from seatrial.report.terminal.verdict import verdict_lines
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

FORGED = "Turku\nVerdict: PASS. 9 of 9 requirements hold\x1b[8m"


@given(st.text(st.characters(codec=None)))  # halves of surrogate pairs too
def test_what_is_printed_is_one_line_that_drives_nothing(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in shown)
    shown.encode()


@pytest.mark.parametrize("text", ["Zürich, 日本, ≥ 0.8 ✓", "−0.2 to +0.1", "a\N{NARROW NO-BREAK SPACE}b"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("text", ["a\u202eb", "a\u2028b", "a\x85b", "a\x9b2Jb", "a\udcffb", "a\u200bb"])
def test_what_hides_turns_or_breaks_text_is_spelled_out(text: str) -> None:
    assert "\\" in printable(text)


def test_a_name_cannot_begin_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_lines(f"port {FORGED}", "Next: seatrial run")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["port", "Next:"]


def test_an_error_that_holds_a_strangers_name_begins_no_line_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    error = Problems([InputError(f"no such group: {FORGED}", path="a\nb.csv"), InputError("another.")])
    assert report_error(error, as_json=False) == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert not any(line.startswith(("Verdict", "b.csv")) for line in told.splitlines())


def test_a_document_holds_names_that_are_not_utf_8(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"path": "exported/\udcff"})
    out = capsys.readouterr().out
    out.encode()
    assert json.loads(out) == {"path": "exported/\udcff"}


def test_names_of_groups_are_spelled_out_in_every_table_of_a_verdict() -> None:
    gap = Claim("accuracy", Family.PAIRS, "port\n")
    evidence = [
        Evidence(claim, place, 0.1, 0.05, 0.15, 0.975, 90, "exact")
        for claim, place in ((gap, f"port\n: Oslo − {FORGED}"), (Claim("f1", Family.GROUPS, "port\n"), FORGED))
    ]
    missing = (NotMeasured(Claim("roc_auc", Family.GROUPS, "port\n"), FORGED, f"no row of {FORGED}"),)
    trial = Trial("m", "p", "test", 0.975, 7, tuple(evidence), missing, TestUse("e" * 64, 90, 1))
    policy = Policy(0.95, (Requirement("accuracy", gap_between="port\n", at_most=0.01),))
    lines = [*verdict_lines(judge(policy, trial), trial), *measured_lines(trial, policy), *not_measured_lines(trial)]
    assert any("Turku" in line for line in lines)
    assert all(line == printable(line) for line in lines)
