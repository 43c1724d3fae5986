"""What Spark raises, as its cause."""

from __future__ import annotations

from seatrial.prepare.failure import OUT_OF_MEMORY, spark_cause


class Java:
    """A Java exception as py4j shows it."""

    def __init__(self, name: str, message: str, cause: Java | None = None) -> None:
        self.name, self.message, self.cause = name, message, cause

    def getClass(self) -> Java:
        return self

    def getSimpleName(self) -> str:
        return self.name

    def getMessage(self) -> str:
        return self.message

    def getCause(self) -> Java | None:
        return self.cause


class FromJavaError(Exception):
    def __init__(self, java: Java) -> None:
        super().__init__(java.message)
        self.java_exception = java


def test_the_cause_at_the_root_is_told() -> None:
    root = Java("FileNotFoundException", "raw/a.csv")
    error = spark_cause(FromJavaError(Java("SparkException", "Job aborted", root)), step="features")
    assert error.problem == "step 'features': FileNotFoundException: raw/a.csv"


def test_a_worker_that_is_gone_is_told_as_such_and_not_as_the_end_of_a_stream() -> None:
    gone = Java("SparkException", "Python worker exited unexpectedly (crashed).", Java("EOFException", ""))
    assert spark_cause(FromJavaError(Java("SparkException", "Job aborted", gone))).problem == OUT_OF_MEMORY
