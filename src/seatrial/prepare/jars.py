"""The jars that Spark needs beside its own: pinned, fetched once through Ivy, and used as plain files from then on.

Two ways in: the pinned lists below, fetched from Maven Central into the user's cache by Spark's own Ivy, or a folder of
jars that the profile names (as images have it). Later sessions start from the files, without Ivy: quicker, and offline.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from seatrial.errors import InputError, StepFailed
from seatrial.prepare.java import java_version
from seatrial.stores.documents import sha256, to_json

FETCH_LIMIT_S = 900  # 75 MB; a slow line still gets there
DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class JarList:
    """Maven coordinates (group:artifact:version) that are fetched together, and what their poms ask for in vain."""

    name: str
    coordinates: tuple[str, ...]
    excludes: tuple[str, ...]  # group:artifact, where the artifact may be *

    @property
    def digest(self) -> str:
        """Names the list by its content: another list is another folder in the cache."""
        return sha256(to_json(asdict(self)))[:DIGEST_LENGTH]

    @property
    def file_endings(self) -> tuple[str, ...]:
        """How the file of each coordinate ends, whether Maven or Ivy named it."""
        return tuple("{1}-{2}.jar".format(*coordinate.split(":")) for coordinate in self.coordinates)


# What Spark ships itself: a second copy on the class path is a clash.
_OF_SPARK = (
    "com.fasterxml.jackson.core:*",
    "com.fasterxml.jackson.dataformat:*",
    "com.google.code.findbugs:*",
    "commons-codec:*",
    "commons-logging:*",
    "io.netty:*",
    "joda-time:*",
    "org.apache.hadoop:hadoop-annotations",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.httpcomponents:*",
    "org.eclipse.jetty:*",
    "org.lz4:*",
    "org.scala-lang:*",
    "org.slf4j:*",
    "org.wildfly.openssl:*",
    "org.xerial.snappy:*",
)
_AWS_SDK = "2.29.52"
_AWS_MODULES = ("s3", "s3-transfer-manager", "sts", "kms", "apache-client", "netty-nio-client", "url-connection-client")

SPARK = JarList(
    name="spark",
    coordinates=(
        "org.apache.hadoop:hadoop-aws:3.4.2",
        "org.apache.spark:spark-hadoop-cloud_2.13:4.1.1",
        "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0",
        "org.xerial:sqlite-jdbc:3.50.3.0",
        *(f"software.amazon.awssdk:{module}:{_AWS_SDK}" for module in _AWS_MODULES),
    ),
    excludes=(
        "software.amazon.awssdk:bundle",  # 642 MB; the modules named above are what of it is used
        # Other clouds, which spark-hadoop-cloud brings along.
        "com.google.cloud.bigdataoss:*",
        "org.apache.hadoop:hadoop-azure",
        "org.apache.hadoop:hadoop-cloud-storage",
        "org.apache.hadoop:hadoop-huaweicloud",
        *_OF_SPARK,
    ),
)
POSTGRESQL = JarList(name="postgresql", coordinates=("org.postgresql:postgresql:42.7.8",), excludes=("*:checker-qual",))
# The connector 4.1.1 cannot start again after a killed batch (a null pointer in KafkaMicroBatchStream.metrics), and
# 4.1.3 asks for a token provider that was never published. An exclude drops every version: 4.1.1 is a list of its own.
_DELEGATION = "org.apache.spark:spark-token-provider-kafka-0-10_2.13"
KAFKA = (
    JarList(
        name="kafka",
        coordinates=("org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.3",),
        excludes=(_DELEGATION, "com.github.luben:*", "org.scala-lang.modules:*", *_OF_SPARK),
    ),
    JarList(
        name="kafka-tokens",
        coordinates=(f"{_DELEGATION}:4.1.1",),
        excludes=("com.github.luben:*", "org.apache.kafka:*", *_OF_SPARK),
    ),
)


def jar_lists(catalog_uri: str) -> tuple[JarList, ...]:
    """The lists that a session with this catalog needs."""
    return (SPARK, POSTGRESQL) if catalog_uri.startswith("postgresql") else (SPARK,)


def jar_cache() -> Path:
    """Where fetched jars are kept: $SEATRIAL_CACHE/ivy, else ~/.cache/seatrial/ivy."""
    cache = os.environ.get("SEATRIAL_CACHE")
    return (Path(cache) if cache else Path.home() / ".cache" / "seatrial") / "ivy"


def missing_jars(folder: Path, lists: Sequence[JarList]) -> list[str]:
    """The named artifacts (not what they depend on) that have no jar in `folder`."""
    there = [path.name for path in folder.glob("*.jar")]
    endings = [ending for jars in lists for ending in jars.file_endings]
    return [ending for ending in endings if not any(name.endswith(ending) for name in there)]


def jars_in(folder: Path, lists: Sequence[JarList]) -> tuple[Path, ...]:
    """The jars of a folder that the profile names; an `InputError` says which ones it lacks."""
    if not folder.is_dir():
        raise InputError(
            "the folder of jars does not exist.", path=str(folder), hint="Correct `spark.jars` of the profile."
        )
    if missing := missing_jars(folder, lists):
        raise InputError(f"the folder of jars lacks {', '.join(missing)}.", path=str(folder), hint="Add them.")
    return tuple(sorted(folder.glob("*.jar")))


def fetched_jars(jars: JarList, cache: Path) -> tuple[Path, ...] | None:
    """The files of an earlier fetch, or None when there was none or it is not whole any more."""
    folder = cache / f"{jars.name}-{jars.digest}"
    try:
        sizes: dict[str, int] = json.loads((folder / "resolved.json").read_bytes())
        whole = all((folder / "jars" / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return None
    return tuple(folder / "jars" / name for name in sorted(sizes)) if whole and sizes else None


def fetch_jars(
    lists: Sequence[JarList], *, cache: Path | None = None, progress: Callable[[str], None] | None = None
) -> tuple[Path, ...]:
    """The files of these lists, fetched first where they are not there yet.

    Raises `StepFailed`, naming the log, when a fetch fails: mostly a machine without a way to Maven Central.
    """
    cache = cache or jar_cache()
    files: list[Path] = []
    for jars in lists:
        jar_paths = fetched_jars(jars, cache)
        if jar_paths is None:
            if progress is not None:
                progress(f"Fetching the {jars.name} jars (once) into {cache}")
            jar_paths = _fetch(jars, cache)
        files += jar_paths
    return tuple(files)


def _fetch(jars: JarList, cache: Path) -> tuple[Path, ...]:
    folder = cache / f"{jars.name}-{jars.digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder / "lock"):
        if (jar_paths := fetched_jars(jars, cache)) is not None:  # another process fetched them while this one waited
            return jar_paths
        log = folder / "fetch.log"
        nothing = folder / "nothing.py"
        nothing.write_text('"""Spark fetches its packages before it runs a script; this one does nothing."""\n')
        # A jar that was cut short would be taken for whole: Ivy starts in an empty folder, from its own cache.
        for old in (folder / "jars").glob("*.jar"):
            old.unlink()
        _run(_fetch_command(jars, folder, nothing), log)
        paths = sorted((folder / "jars").glob("*.jar"))
        if missing := missing_jars(folder / "jars", [jars]):
            raise _not_fetched(f"these did not arrive: {', '.join(missing)}", log)
        partial = folder / "resolved.json.partial"
        partial.write_bytes(to_json({path.name: path.stat().st_size for path in paths}))
        partial.replace(folder / "resolved.json")
        return tuple(paths)


def _fetch_command(jars: JarList, folder: Path, script: Path) -> list[str]:
    import pyspark

    conf = {
        "spark.jars.ivy": str(folder),
        "spark.jars.packages": ",".join(jars.coordinates),
        "spark.jars.excludes": ",".join(jars.excludes),
    }
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    return [str(submit), *(part for key, value in conf.items() for part in ("--conf", f"{key}={value}")), str(script)]


def _run(command: list[str], log: Path) -> None:
    java_version()
    try:
        with log.open("wb") as output:
            subprocess.run(
                command,
                env={**os.environ, "PYSPARK_PYTHON": sys.executable},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=FETCH_LIMIT_S,
                check=True,
            )
    except subprocess.SubprocessError as error:
        reason = f"no end after {FETCH_LIMIT_S} s" if isinstance(error, subprocess.TimeoutExpired) else "Ivy failed"
        raise _not_fetched(reason, log) from None


def _not_fetched(reason: str, log: Path) -> StepFailed:
    return StepFailed(
        f"Spark's jars could not be fetched from Maven Central: {reason}.",
        path=str(log),
        hint="Run `seatrial doctor` once with a connection, or name a folder that has them: spark = { jars = … }.",
    )


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
