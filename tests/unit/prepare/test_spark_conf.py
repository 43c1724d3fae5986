"""What Spark is told, and where it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import InputError
from seatrial.prepare.conf import conf_after_start, conf_before_start
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.s3_connection import s3_connection
from seatrial.stores.settings import CatalogSettings, Credentials, StoreSettings

SECRETS = ("KEY-3141", "SECRET-5926", "PASSWORD-5358")
STORE = StoreSettings("s3://lake/p", "http://127.0.0.1:9000", Credentials(SECRETS[0], SECRETS[1]))
POSTGRESQL = CatalogSettings(
    f"postgresql://me:{SECRETS[2]}@db.host:5433/tables?sslmode=require", "s3://lake/p/w", STORE
)
JARS = [Path("/cache/a/jars/x.jar"), Path("/cache/a/jars/y.jar"), Path("/cache/b/jars/z.jar")]
FOLDER = Path("/tmp/private")


def sqlite(store: StoreSettings) -> CatalogSettings:
    return CatalogSettings("sqlite:////state/catalog.db", f"{store.url}/w", store)


def after(settings: SparkSettings, store: StoreSettings, catalog: CatalogSettings) -> dict[str, str]:
    connection = s3_connection(store, {}) if store.url.startswith("s3") else None
    return conf_after_start(settings, connection, catalog, folder=FOLDER)


def test_what_stands_on_the_command_line_holds_no_secret() -> None:
    user = SparkSettings(conf={"spark.hadoop.fs.s3a.bucket.other.secret.key": SECRETS[1], "spark.driver.cores": "1"})
    assert not any(secret in str(conf_before_start(user, JARS, folder=FOLDER)) for secret in SECRETS)
    conf = after(user, STORE, POSTGRESQL)
    assert conf["spark.hadoop.fs.s3a.bucket.other.secret.key"] == SECRETS[1]
    assert all(secret in conf.values() for secret in SECRETS)


def test_the_catalog_has_the_name_and_warehouse_that_pyiceberg_uses() -> None:
    conf = after(SparkSettings(), STORE, sqlite(STORE))
    assert conf["spark.sql.defaultCatalog"] == "seatrial"
    assert conf["spark.sql.catalog.seatrial.uri"] == "jdbc:sqlite:/state/catalog.db"
    assert conf["spark.sql.catalog.seatrial.warehouse"] == "s3://lake/p/w"


def test_a_postgresql_uri_is_taken_apart_and_its_password_unquoted() -> None:
    uri = "postgresql+psycopg2://me:a%2Fb%40c@db.host:5433/tables?sslmode=require"
    conf = after(SparkSettings(), STORE, CatalogSettings(uri, "s3://lake/w", STORE))
    prefix = "spark.sql.catalog.seatrial."
    assert conf[prefix + "uri"] == "jdbc:postgresql://db.host:5433/tables?sslmode=require"
    assert (conf[prefix + "jdbc.user"], conf[prefix + "jdbc.password"]) == ("me", "a/b@c")


def test_another_kind_of_catalog_is_refused() -> None:
    with pytest.raises(InputError, match="unknown kind of catalog: 'mysql'"):
        after(SparkSettings(), STORE, CatalogSettings("mysql://host/db", "s3://lake/w", STORE))


def test_a_local_folder_as_store_needs_no_s3() -> None:
    store = StoreSettings("file:///data")
    conf = after(SparkSettings(), store, sqlite(store))
    assert not any("s3" in key for key in conf)


def test_a_store_without_keys_leaves_them_to_the_machines_identity() -> None:
    store = StoreSettings("s3://lake/p")
    conf = after(SparkSettings(), store, sqlite(store))
    assert not any("secret" in key or key.endswith("endpoint") for key in conf)


def test_a_local_master_takes_its_jars_from_the_class_path() -> None:
    conf = conf_before_start(SparkSettings(), JARS, folder=FOLDER)
    assert conf["spark.driver.extraClassPath"] == "/cache/a/jars/*:/cache/b/jars/*"
    assert "spark.jars" not in conf


def test_executors_elsewhere_get_the_jars_from_the_driver_or_from_their_image() -> None:
    fetched = conf_before_start(SparkSettings(master="k8s://x"), JARS, folder=FOLDER)
    image = conf_before_start(SparkSettings(master="k8s://x", jars=Path("/opt/jars")), JARS, folder=FOLDER)
    assert fetched["spark.jars"].split(",") == [str(path) for path in JARS]
    assert image["spark.executor.extraClassPath"] == image["spark.driver.extraClassPath"]


def test_the_users_java_options_come_after_ours() -> None:
    user = SparkSettings(conf={"spark.driver.extraJavaOptions": "-Xss4m"})
    options = conf_before_start(user, JARS, folder=FOLDER)["spark.driver.extraJavaOptions"]
    assert options.startswith("-Dlog4j2.configurationFile=/tmp/private/log4j2.properties")
    assert options.endswith(" -Xss4m")


def test_what_the_user_sets_wins() -> None:
    user = SparkSettings(conf={"spark.ui.enabled": "true"}, memory="3g", executors=8)
    assert after(user, STORE, sqlite(STORE))["spark.ui.enabled"] == "true"
    assert after(user, STORE, sqlite(STORE))["spark.executor.instances"] == "8"
    assert conf_before_start(user, JARS, folder=FOLDER)["spark.driver.memory"] == "3g"


def test_the_settings_do_not_show_their_conf() -> None:
    assert "SECRET" not in repr(SparkSettings(conf={"spark.hadoop.fs.s3a.secret.key": "SECRET"}))
