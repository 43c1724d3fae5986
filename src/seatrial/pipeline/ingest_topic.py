"""Reads a topic of Kafka into a table of a project's catalog, in a Spark session of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.errors import InputError, from_os_error
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.pipeline.project.project_file import find_profile, load_project
from seatrial.pipeline.project.settings import Project
from seatrial.pipeline.running.step_command import SPARK_LOG
from seatrial.pipeline.table_identifier import table_identifier
from seatrial.pipeline.workspace import ca_file, look_up, open_project
from seatrial.sources.kafka.settings import KafkaConnection, KafkaSettings, client_properties

if TYPE_CHECKING:
    from seatrial.sources.kafka.ingest import Ingested, IngestProgress


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How a topic is ingested: until it has caught up or until it is ended, and in which batches."""

    until_caught_up: bool
    every_s: float
    batch_records: int
    accept_loss: bool


def ingest_topic(
    topic: str,
    table: str,
    options: IngestOptions,
    *,
    directory: Path,
    profile: str,
    stop: threading.Event,
    on_progress: Callable[[IngestProgress], None],
) -> Ingested:
    """Commits the topic's records to the table (a name without a namespace is one of the project's own)."""
    from seatrial.prepare.failure import spark_cause
    from seatrial.prepare.jars import KAFKA
    from seatrial.sources.kafka.columns import declared_schema
    from seatrial.sources.kafka.ingest import IngestJob, ingest
    from seatrial.sources.kafka.topic import reach_brokers

    project = load_project(directory)
    settings = project.ingest.get(topic)
    job = IngestJob(
        topic,
        table_identifier(table, project.name, path="--into", hint="Dots part the namespace from the table."),
        None if settings is None else declared_schema(settings.columns, settings.required),
        until_caught_up=options.until_caught_up,
        every_s=options.every_s,
        batch_records=options.batch_records,
        accept_loss=options.accept_loss,
    )
    connection = _connection(project, profile, os.environ)
    reach_brokers(connection.brokers)  # before a JVM is started, which takes seconds
    with open_project(project, profile) as workspace:
        log = workspace.state / SPARK_LOG
        session = SharedSession(workspace, log, more_jars=KAFKA)
        try:
            return ingest(session.get(), connection, job, stop=stop, on_progress=on_progress, log=log)
        except Exception as error:  # noqa: BLE001 py4j's and pyspark's exceptions have no common class
            raise spark_cause(error, log=log) from None
        finally:
            session.end()


def _connection(project: Project, profile: str, environment: Mapping[str, str]) -> KafkaConnection:
    kafka = find_profile(project, profile).kafka
    if kafka is None:
        raise InputError(
            f"the profile {profile!r} does not name Kafka's brokers.",
            path=project.path,
            hint=f'Add [profile.{profile}.kafka] with brokers = ["host:9092"].',
        )
    return kafka_connection(kafka, project.directory, environment)


def kafka_connection(kafka: KafkaSettings, directory: Path, environment: Mapping[str, str]) -> KafkaConnection:
    """How the brokers are reached, with the secrets and certificates looked up."""
    sign_in = None
    if kafka.sasl is not None:
        user, password = (look_up(each, directory, environment) for each in (kafka.sasl.user, kafka.sasl.password))
        sign_in = (kafka.sasl.mechanism, user, password)
    authorities = None
    if kafka.ca is not None:
        path = ca_file(kafka.ca, directory)
        try:
            authorities = path.read_text(encoding="ascii")
        except OSError as error:
            raise from_os_error(error, path=str(path)) from None
        except UnicodeDecodeError:
            raise InputError(
                "the file must hold certificates in PEM form, which is ASCII text.",
                path=str(path),
                hint='Write them as "-----BEGIN CERTIFICATE-----" blocks.',
            ) from None
    properties = client_properties(kafka.brokers, tls=kafka.tls, authorities=authorities, sign_in=sign_in)
    return KafkaConnection(kafka.brokers, properties)
