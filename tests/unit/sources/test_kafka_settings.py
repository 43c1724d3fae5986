"""Where Kafka is and what a topic holds, as seatrial.toml says it; what Kafka's clients are told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from seatrial.errors import InputError, Problems, SourceError
from seatrial.pipeline.ingest_topic import kafka_connection
from seatrial.pipeline.project.project_file import parse_project
from seatrial.sources.kafka.ingest import IngestJob, source_options
from seatrial.sources.kafka.mark import Mark
from seatrial.sources.kafka.settings import KafkaConnection, KafkaSettings, SaslSettings
from seatrial.sources.kafka.topic import reach_brokers


def problems(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(Problems) as refused:
        parse_project(f'[project]\nname = "shop"\n{text}', Path("/project"))
    return [(error.line, error.problem) for error in refused.value.each]


@pytest.mark.parametrize(
    ("kafka", "problem"),
    [
        ("brokers = []", "profile.local.kafka.brokers: brokers must name at least one."),
        ('brokers = ["kafka"]', 'profile.local.kafka.brokers: a broker must be host:port, got "kafka".'),
        ('brokers = ["a:1"]\nca = "file:ca.pem"', "profile.local.kafka.ca: certificates are only used with TLS."),
        ('brokers = ["a:1"]\ntls = true\nca = "ca.pem"', "profile.local.kafka.ca: the certificates must be a file."),
        (
            'brokers = ["a:1"]\nsasl = { user = "env:U", password = "hunter2" }',
            "profile.local.kafka.sasl: a secret stands in it.",
        ),
    ],
)
def test_a_profile_that_reaches_no_kafka_is_refused(kafka: str, problem: str) -> None:
    told = problems(f"[profile.local.kafka]\n{kafka}")
    assert [text for _, text in told] == [problem]
    assert "hunter2" not in str(told)


def test_every_mistake_in_the_columns_of_a_topic_is_told_with_its_line() -> None:
    text = '[ingest.orders]\ncolumns.id = "long"\ncolumns.at = "timestmp"\n'
    text += '[ingest.more]\ncolumns = { a = "int" }\nrequired = ["b"]'
    assert problems(text) == [
        (4, 'ingest.orders.columns.id: unknown type "long".'),
        (5, 'ingest.orders.columns.at: unknown type "timestmp".'),
        (8, 'ingest.more.required: unknown column "b" in required.'),
    ]


def test_what_clients_are_told_has_the_secrets_and_is_never_printed(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    sasl = SaslSettings("env:U", "env:P")
    settings = KafkaSettings(("a:1", "b:2"), tls=True, ca="file:ca.pem", sasl=sasl)
    connection = kafka_connection(settings, tmp_path, {"U": "anna", "P": 'a"b\\c'})
    assert dict(connection.properties) == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "-----BEGIN CERTIFICATE-----",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="anna" password="a\\"b\\\\c";',
    }
    assert "anna" not in repr(connection)
    with pytest.raises(InputError, match="P is not set"):
        kafka_connection(settings, tmp_path, {"U": "anna"})
    with pytest.raises(InputError, match="single line"):
        kafka_connection(settings, tmp_path, {"U": "anna", "P": "a\nb"})


def test_the_source_begins_at_the_mark_and_reads_what_was_committed() -> None:
    mark = Mark("orders", "id", "run", {0: 0}, {0: 0}, {0: 7, 1: 9})
    connection = KafkaConnection(("a:1",), {"bootstrap.servers": "a:1"})
    assert source_options(connection, IngestJob("orders", "shop.orders", batch_records=5), mark) == {
        "kafka.bootstrap.servers": "a:1",
        "kafka.isolation.level": "read_committed",
        "subscribe": "orders",
        "startingOffsets": '{"orders": {"0": 7, "1": 9}}',
        "maxOffsetsPerTrigger": "5",
        "failOnDataLoss": "true",
    }


def test_brokers_that_do_not_answer_are_named_one_by_one() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(
            SourceError, match=rf"127.0.0.1:{port}: connection refused; no.such.invalid:9: unknown host"
        ):
            reach_brokers([f"127.0.0.1:{port}", "no.such.invalid:9"])
    with socket.socket() as open_one:
        open_one.bind(("127.0.0.1", 0))
        open_one.listen()
        reach_brokers([f"127.0.0.1:{port}", f"127.0.0.1:{open_one.getsockname()[1]}"])
