from __future__ import annotations

import pytest

from seatrial.stores.s3_refusal import read_refusal, refusal_error


@pytest.mark.parametrize(
    ("body", "status_refused", "problem", "hint"),
    [
        ("<Error><Code>RequestTimeTooSkewed</Code></Error>", True, "clock", "timedatectl"),
        (
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'eu-central-1'</Message></Error>",
            False,
            "another region",
            'region = "eu-central-1"',
        ),
        (
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>",
            False,
            '"eu-west-3"',
            "AWS_REGION",
        ),
        ("<Error><Code>ExpiredToken</Code></Error>", False, "session token has expired", "temporary credentials"),
        ("<Error><Code>AccessDenied</Code></Error>", True, "refused the credentials", "access key"),
        ("<Error><Code>InternalError</Code></Error>", False, "InternalError", "log"),
        ("not a document", False, "the store failed", "log"),
    ],
)
def test_a_refusal_is_told_as_what_it_is(body: str, status_refused: bool, problem: str, hint: str) -> None:
    error = refusal_error(read_refusal(body), "here", path="s3://lake/x", refused=status_refused)
    assert problem in error.problem
    assert hint in (error.hint or "")
