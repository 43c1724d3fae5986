"""What a Spark session is told: settings as values in, Spark's keys out. Pure.

Two groups, because of where they show: what the JVM needs before it starts stands on its command line, which every user
of the machine can read; everything else, secrets first, is handed over once it is up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from seatrial.errors import InputError
from seatrial.prepare.executor_pods import ExecutorPods, conf_of_driver, conf_of_executors
from seatrial.prepare.executor_secret import conf_of_secret
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.s3_connection import S3Connection
from seatrial.stores.settings import CatalogSettings

LEAST_MEMORY_MIB = 1024
MOST_MEMORY_MIB = 4096  # more is asked for with `memory`; a laptop has a framework to run beside Spark
CATALOG_CLIENT_WAIT_MS = 60_000  # how long SQLite waits for another writer; a commit takes milliseconds
STATIC_SQL = ("spark.sql.catalog.", "spark.sql.extensions", "spark.sql.warehouse.dir")
S3A = "org.apache.hadoop.fs.s3a"
TRUST_STORE_PASSWORD = "changeit"  # noqa: S105 Java's own default; the file holds nothing secret
TABLE_PART_BYTES = 512 * 2**20  # Iceberg's own size of a data file
PROXY_PORT = 8080  # of a proxy whose address has none
# Of the AWS_… variables these say who somebody is; the session's own come by name. A step's code may need them.
KEPT_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ROLE_",
    "AWS_WEB_IDENTITY_",
    "AWS_CONTAINER_",
)
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container that this process is in (cgroup v2)
BEFORE_START = ("spark.master", "spark.driver.", "spark.kubernetes.", "spark.submit.")


def conf_before_start(
    settings: SparkSettings,
    jars: Sequence[Path],
    *,
    folder: Path,
    trust_store: Path | None = None,
    pods: ExecutorPods | None = None,
) -> dict[str, str]:
    """What the JVM needs to start; no secret is in it. `folder` is private to the session and has log4j2.properties.

    `trust_store` has the certificates that the driver's JVM trusts; executors elsewhere trust what their image does,
    but for `pods`: of a driver in a pod, whose executors are pods that Seatrial starts (see `executor_command`).
    """
    own = {key: value for key, value in settings.conf.items() if key.startswith(BEFORE_START)}
    options = " ".join(java_options(folder, trust_store))
    conf = {
        "spark.master": settings.master,
        "spark.driver.memory": settings.memory or _driver_memory(),
        **_jars(settings, jars, pods),
        **({} if pods is None else conf_of_driver(pods, settings)),
        **own,
    }
    conf["spark.driver.extraJavaOptions"] = " ".join([options, own.get("spark.driver.extraJavaOptions", "")]).strip()
    return conf


def java_options(folder: Path, trust_store: Path | None) -> list[str]:
    """The options of every JVM of a session; `folder` is private to that JVM and has log4j2.properties."""
    options = [
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        "-Duser.timezone=UTC",
        f"-Djava.io.tmpdir={folder}",
    ]
    if trust_store is not None:
        options += [
            f"-Djavax.net.ssl.trustStore={trust_store}",
            f"-Djavax.net.ssl.trustStorePassword={TRUST_STORE_PASSWORD}",
            "-Djavax.net.ssl.trustStoreType=PKCS12",
        ]
    return options


def conf_after_start(
    settings: SparkSettings,
    connection: S3Connection | None,
    catalog: CatalogSettings,
    *,
    folder: Path,
    pods: ExecutorPods | None = None,
    secret: Path | None = None,
) -> dict[str, str]:
    """Everything else, the credentials of store and catalog included; never part of a command line.

    `connection` is that of the store; None where it is a folder.
    """
    executors = {} if settings.executors is None else {"spark.executor.instances": str(settings.executors)}
    return {
        "spark.app.name": "seatrial",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "spark-warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "8",  # adaptive execution merges them; 200 empty tasks cost a laptop seconds
        "spark.redaction.regex": "(?i)secret|password|token|access[.-]?key|uri|user",
        **({} if connection is None else _s3a(connection, folder)),
        **_iceberg(catalog, connection),
        **(executors if pods is None else conf_of_executors(pods, settings)),
        **conf_of_secret(secret),
        **{
            key: value
            for key, value in settings.conf.items()
            if not key.startswith(BEFORE_START) and key not in conf_of_sql(settings)
        },
    }


def jvm_environment(connection: S3Connection | None, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the JVM: without what would steer its S3 clients past the configuration.

    Java's clients read AWS_USE_FIPS_ENDPOINT, AWS_ENDPOINT_URL_S3, proxies and more by themselves.
    """
    if connection is None:
        return dict(environment)
    jvm_variables = {
        name: value
        for name, value in environment.items()
        if not name.startswith("AWS_") or name.startswith(KEPT_VARIABLES)
    }
    host = urlsplit(connection.endpoint or "").hostname
    if connection.proxy is None and host is not None:
        without = ",".join(part for part in (environment.get("no_proxy") or environment.get("NO_PROXY"), host) if part)
        jvm_variables |= {"no_proxy": without, "NO_PROXY": without}
    return jvm_variables


def conf_of_sql(settings: SparkSettings) -> dict[str, str]:
    """What the user set of the SQL engine; set one by one on the session, which then says which one it refuses.

    In the context's own configuration a wrong value breaks every later call, the ones that tell of errors included.
    """
    return {
        key: value
        for key, value in settings.conf.items()
        if key.startswith("spark.sql.") and not key.startswith(STATIC_SQL)
    }


def _driver_memory() -> str:
    machine_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    with suppress(OSError, ValueError):  # "max": no limit
        machine_mib = min(machine_mib, int(CONTAINER_LIMIT.read_text()) // 2**20)
    return f"{min(MOST_MEMORY_MIB, max(LEAST_MEMORY_MIB, machine_mib // 4))}m"


def _jars(settings: SparkSettings, jars: Sequence[Path], pods: ExecutorPods | None) -> dict[str, str]:
    if settings.master.startswith("local") and pods is None:
        # On the class path of the one JVM: nothing is copied, and JDBC finds its drivers.
        return {"spark.driver.extraClassPath": os.pathsep.join(_wildcards(jars))}
    if settings.jars is not None or pods is not None:  # an image has the folder on every node
        both = os.pathsep.join(_wildcards(jars))
        return {"spark.driver.extraClassPath": both, "spark.executor.extraClassPath": both}
    return {"spark.jars": ",".join(str(path) for path in jars)}


def _wildcards(jars: Sequence[Path]) -> list[str]:
    return sorted({str(path.parent / "*") for path in jars})


def _s3a(connection: S3Connection, folder: Path) -> dict[str, str]:
    prefix = "spark.hadoop.fs.s3a."
    conf = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",  # s3:// as people write it
        "spark.hadoop.hadoop.tmp.dir": str(folder / "hadoop"),  # where S3A keeps parts before they are sent
        # Task output becomes visible by completing multipart uploads: no rename, which S3 does not have.
        prefix + "committer.name": "magic",
        prefix + "committer.magic.enabled": "true",
        "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": (
            "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
        ),
        # s3:// is S3A too, and without its factory it would be committed by renames: a copy of every file.
        "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3": (
            "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
        ),
        "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": (
            "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter"
        ),
    }
    return conf | {f"{prefix}{key}": value for key, value in s3a_connection(connection).items()}


def s3a_connection(connection: S3Connection) -> dict[str, str]:
    """How S3A reaches a store, as keys below `fs.s3a.` or, of one bucket, `fs.s3a.bucket.NAME.`."""
    conf = {"endpoint.region": connection.region}
    if connection.endpoint is not None:
        conf |= {"endpoint": connection.endpoint, "path.style.access": "true"}
    # One provider, by name: the usual list of them would go on to AWS_… variables and to the machine's role.
    if connection.anonymous:
        conf["aws.credentials.provider"] = f"{S3A}.AnonymousAWSCredentialsProvider"
    elif connection.credentials is not None:
        now = connection.credentials.renewed()
        provider = "SimpleAWSCredentialsProvider" if now.session_token is None else "TemporaryAWSCredentialsProvider"
        conf |= {
            "aws.credentials.provider": f"{S3A}.{provider}",
            "access.key": now.access_key,
            "secret.key": now.secret_key,
            **({} if now.session_token is None else {"session.token": now.session_token}),
        }
    if connection.proxy is not None:
        proxy = urlsplit(connection.proxy)
        conf |= {
            "proxy.host": proxy.hostname or "",
            "proxy.port": str(proxy.port or PROXY_PORT),
            "proxy.ssl.enabled": str(proxy.scheme == "https").lower(),
        }
        if proxy.username is not None:
            conf |= {
                "proxy.username": unquote(proxy.username),
                "proxy.password": unquote(proxy.password or ""),
            }
    return conf


def _iceberg(catalog: CatalogSettings, connection: S3Connection | None) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{catalog.name}"
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.defaultCatalog": catalog.name,
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        **{
            f"{prefix}.{key}": value
            for key, value in {
                "type": "jdbc",
                "jdbc.schema-version": "V1",  # what pyiceberg writes too
                "warehouse": catalog.warehouse,
                "cache-enabled": "false",  # another process may have written since
                **_jdbc(catalog.uri),
                **_s3_file_io(connection),
            }.items()
        },
    }


def _jdbc(uri: str) -> dict[str, str]:
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return {
            "uri": f"jdbc:sqlite:{unquote(parts.path).replace('//', '/', 1)}",
            "jdbc.busy_timeout": str(CATALOG_CLIENT_WAIT_MS),
        }
    if parts.scheme.startswith("postgresql"):
        port = "" if parts.port is None else f":{parts.port}"
        query = f"?{parts.query}" if parts.query else ""
        conf = {"uri": f"jdbc:postgresql://{parts.hostname}{port}{parts.path}{query}"}
        if parts.username:
            conf["jdbc.user"] = unquote(parts.username)
        if parts.password:
            conf["jdbc.password"] = unquote(parts.password)
        return conf
    raise InputError(
        f"unknown kind of catalog: {parts.scheme!r}.",
        path="catalog",
        hint="Write sqlite:////path.db or postgresql://….",
    )


def _s3_file_io(connection: S3Connection | None) -> dict[str, str]:
    if connection is None:
        return {}
    conf = {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "http-client.type": "urlconnection",  # the other kind is in the bundle that is left out
        "client.region": connection.region,
        # Up to 1.5 times this a file is one PUT, which may be repeated. In parts, a completion whose answer is lost is
        # refused the second time (NoSuchUpload), and ends the step.
        "s3.multipart.part-size-bytes": str(TABLE_PART_BYTES),
    }
    if connection.endpoint is not None:
        conf |= {"s3.endpoint": connection.endpoint, "s3.path-style-access": "true"}
    if connection.anonymous:
        conf["client.credentials-provider"] = "software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider"
    elif connection.credentials is not None:
        now = connection.credentials.renewed()
        conf |= {
            "s3.access-key-id": now.access_key,
            "s3.secret-access-key": now.secret_key,
            **({} if now.session_token is None else {"s3.session-token": now.session_token}),
        }
    if connection.proxy is not None:
        conf["http-client.proxy-endpoint"] = connection.proxy
    return conf
