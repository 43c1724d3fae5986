"""Times of a CronJob: what Kubernetes takes passes, and what it refuses is told with the field."""

from __future__ import annotations

import pytest

from seatrial.cluster.cron import check_cron
from seatrial.errors import InputError


@pytest.mark.parametrize(
    "text",
    ["0 3 * * *", "*/15 8-18 * * mon-fri", "0,30 0 1 JAN,jul ?", "5-50/5 * * * 0", "@daily", "59 23 31 12 6"],
)
def test_what_a_cron_job_takes(text: str) -> None:
    check_cron(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "five fields"),
        ("0 3 * *", "five fields"),
        ("0 0 3 * * *", "five fields"),
        ("@fortnightly", "five fields"),
        ("60 3 * * *", "the minute of a schedule must be 0 to 59, got '60'"),
        ("0 24 * * *", "hour"),
        ("0 3 0 * *", "day of the month"),
        ("0 3 * 13 *", "month"),
        ("0 3 * * 7", "day of the week of a schedule must be 0 to 6"),
        ("0 3 * * mo", "day of the week"),
        ("5-1 3 * * *", "minute"),
        ("*/0 3 * * *", "minute"),
        ("1,,2 3 * * *", "minute"),
        ("-1 3 * * *", "minute"),
        ("\u0661 3 * * *", "minute"),
    ],
)
def test_what_it_does_not_take_is_told_with_its_field(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        check_cron(text)
    assert "03:00 every day" in str(caught.value)
