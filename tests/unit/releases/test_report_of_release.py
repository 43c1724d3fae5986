"""From a release in a store to the page about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from seatrial.errors import Refused
from seatrial.releases.release import Release
from seatrial.releases.source import StoredRelease
from seatrial.releases.trust import Trust
from seatrial.releases.verify import verify
from seatrial.report.html import render_report
from seatrial.report.verified import view_of
from seatrial.stores.objects import Objects


def test_a_release_that_verifies_is_shown_with_what_was_verified(
    objects: Objects, trust: Trust, now: datetime, make_release: Callable[..., Release]
) -> None:
    make_release(roc_auc=0.8)
    verified = verify(StoredRelease(objects, "census", 1), trust, now=now)
    page = render_report(view_of(verified, made_with="0.1.0"))
    assert "<h1>" in page
    assert str(verified.digest) in page
    assert "the team" in page
    assert "1 of 2 requirements does not hold: ROC AUC, at least 0.85." in page
    assert "seatrial verify census@1" in page


def test_a_release_that_does_not_verify_gets_no_page(
    objects: Objects, trust: Trust, now: datetime, make_release: Callable[..., Release]
) -> None:
    make_release()
    objects.put("releases/census/1/policy.json", b"{}")
    verified = verify(StoredRelease(objects, "census", 1), trust, now=now)
    with pytest.raises(Refused, match=r"policy\.json"):
        view_of(verified, made_with="0.1.0")
