"""One Spark session a run: a JVM of its own that starts quiet, keeps its secrets, and is gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from seatrial.errors import InputError, StepFailed
from seatrial.prepare.conf import conf_after_start, conf_before_start, conf_of_sql, jvm_environment
from seatrial.prepare.executor_pods import ExecutorPods
from seatrial.prepare.executor_secret import write_secret
from seatrial.prepare.failure import spark_cause
from seatrial.prepare.jars import JarList, fetch_jars, jar_lists, jars_in
from seatrial.prepare.java import java_version
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.prepare.trust_store import write_trust_store
from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.settings import CatalogSettings, StoreSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JVM_END_S = 20
ERROR_OUTPUT = 2
IMAGE_JARS = "SEATRIAL_JARS"  # where an image has its jars: the profile's folder is one of other machines
LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{ISO8601} %p %c{1}: %m%n%ex
"""


@contextmanager
def spark_session(
    settings: SparkSettings,
    store: StoreSettings,
    catalog: CatalogSettings,
    *,
    log: Path | None,
    authorities: Sequence[Path] = (),
    pods: ExecutorPods | None = None,
    more_jars: Sequence[JarList] = (),
) -> Iterator[SparkSession]:
    """A session over this store and catalog; what Spark, the JVM and its Python workers print goes to `log`.

    Without a `log` it goes to the error output of this process: that of a pod, whose files are gone after it.

    `authorities` are certificates in PEM form to trust beside the store's own: a JVM has one set for all places.
    `pods` are its executors, where this process is in a pod and they are to be pods too. `more_jars` are lists beside
    those that every session needs.
    Raises `InputError` without Java 17 or with jars missing, `StepFailed` (naming `log`) when Spark does not start.
    """
    java_version()
    lists = (*jar_lists(catalog.uri), *more_jars)
    folder_of_jars = settings.jars if IMAGE_JARS not in os.environ else Path(os.environ[IMAGE_JARS])
    jars = fetch_jars(lists) if folder_of_jars is None else jars_in(folder_of_jars, lists)
    connection = s3_connection(store, os.environ) if store.url.startswith("s3") else None
    folder = Path(tempfile.mkdtemp(prefix="seatrial-spark-"))  # mode 0700
    try:
        (folder / "log4j2.properties").write_text(LOG4J)
        with _opened(log) as output, _interrupts_kept():
            private = [*authorities, *([] if connection is None or connection.ca is None else [connection.ca])]
            trust = write_trust_store(private, folder) if private else None
            before = conf_before_start(settings, jars, folder=folder, trust_store=trust, pods=pods)
            with _environment(jvm_environment(connection, os.environ)):
                gateway = _start_jvm(before, output, log)
            try:
                secret = None if pods is None else write_secret(connection, pods.driver)
                after = conf_after_start(settings, connection, catalog, folder=folder, pods=pods, secret=secret)
                session = _start_session(gateway, after, log)
                _set_sql(session, conf_of_sql(settings))
                yield session
            finally:
                _end(gateway)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(log: Path | None) -> Iterator[IO[bytes]]:
    if log is None:
        sys.stderr.flush()
        with os.fdopen(os.dup(ERROR_OUTPUT), "ab") as output:
            yield output
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        yield output


def _start_jvm(conf: dict[str, str], output: IO[bytes], log: Path | None) -> Any:
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        raise InputError("the process has a Spark session already.", hint="End it first (spark.stop()).")
    before = SparkConf(loadDefaults=False)
    before.setAll(list(conf.items()))
    everywhere = conf.get("spark.driver.bindAddress", "0.0.0.0")  # noqa: S104 executors elsewhere must reach the driver
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1" if conf["spark.master"].startswith("local") else everywhere)
    os.environ["PYSPARK_PYTHON"] = sys.executable  # the workers are this Python, with what it has installed
    try:
        return launch_gateway(before, popen_kwargs={"stdout": output, "stderr": subprocess.STDOUT})
    except PySparkRuntimeError:
        raise StepFailed(
            "Spark's Java process ended while it started.",
            path=None if log is None else str(log),
            hint="The step's log says why." if log is None else "Its log says why.",
        ) from None


def _start_session(gateway: Any, conf: dict[str, str], log: Path | None) -> SparkSession:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    after = SparkConf(_jvm=gateway.jvm)
    after.setAll(list(conf.items()))
    try:
        return SparkSession(SparkContext(gateway=gateway, conf=after))
    except Exception as error:  # noqa: BLE001 py4j's and pyspark's exceptions have no common class
        raise spark_cause(error, log=log) from None


def _set_sql(session: SparkSession, conf: dict[str, str]) -> None:
    for key, value in conf.items():
        try:
            session.conf.set(key, value)
        except Exception as error:  # noqa: BLE001 as above
            raise InputError(
                f"Spark refuses {value!r}: {spark_cause(error).problem}", path=key, hint="Correct `spark.conf`."
            ) from None


def kill_session() -> None:
    """Kills the JVM of this process's session, if there is one: whatever waits for it raises at once."""
    from pyspark import SparkContext

    if (gateway := SparkContext._gateway) is not None:
        gateway.proc.kill()


def _end(gateway: Any) -> None:
    """Stops the session if it still runs, then the JVM: a later session starts from nothing."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session, context = SparkSession._instantiatedSession, SparkContext._active_spark_context
    with suppress(Exception):  # a JVM that died leaves nothing to stop, and must not hide what the step raised
        if session is not None:
            session.stop()
        elif context is not None:
            context.stop()
    SparkSession._instantiatedSession = None
    SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
    with suppress(Exception):
        gateway.shutdown()
    process = gateway.proc
    process.stdin.close()  # the JVM ends when it reads the end of its input
    try:
        process.wait(timeout=JVM_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _environment(environment: dict[str, str]) -> Iterator[None]:
    """Gives the process that is started within the block another environment: pyspark always passes on its own."""
    before = dict(os.environ)
    for name in before.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    try:
        yield
    finally:
        for name in environment.keys() - before.keys():
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Gives Ctrl-C back to whoever had it: a SparkContext takes it for itself and never returns it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
