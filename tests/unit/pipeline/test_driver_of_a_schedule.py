"""What a driver is called with, and which run it takes a schedule's Job for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.errors import InputError, ObjectMissing, StoreError, TargetError
from seatrial.pipeline.driver.drive import is_temporary, run_of_schedule
from seatrial.pipeline.driver.driver_manifest import render_driver, schedule_name
from seatrial.pipeline.project.settings import ClusterChoice
from tests.pipeline_sample import DRIVER


@pytest.mark.parametrize("job", ["mytest", "census-prod-manual-1", "census-prod-20261129", "census-prod-2940066"])
def test_a_job_that_no_schedule_made_is_no_run(job: str) -> None:
    with pytest.raises(InputError, match="was not made by a schedule"):
        run_of_schedule(job, "5f0c")


def test_names_of_two_schedules_never_meet() -> None:
    assert schedule_name("a-b", "c") != schedule_name("a", "b-c")


def test_what_users_write_reaches_the_driver_to_the_letter() -> None:
    driver = replace(DRIVER, options=("--set=a.b=$(CATALOG_URI)$$",))
    manifest: Any = render_driver(driver, ClusterChoice(namespace="pipelines"))
    assert (
        manifest["spec"]["template"]["spec"]["containers"][0]["args"][-1] == "--set=a.b=$$(CATALOG_URI)$$$$"
    )  # Kubernetes makes one of two


def test_a_store_that_does_not_answer_may_answer_later_and_what_is_missing_stays_so() -> None:
    assert is_temporary(StoreError("no answer."))
    assert is_temporary(TargetError("no answer."))
    assert not is_temporary(ObjectMissing("gone."))
