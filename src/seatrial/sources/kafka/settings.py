"""How Kafka is reached and what a topic's records hold, as values; and what Kafka's clients are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from seatrial.errors import InputError

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
_LOGIN = "org.apache.kafka.common.security"
_MODULES = {"PLAIN": "plain.PlainLoginModule"}
_SCRAM_MODULE = "scram.ScramLoginModule"
_REFERENCES = ("env:", "file:")
MOST_PORTS = 65_535


@dataclass(frozen=True, slots=True)
class SaslSettings:
    """`[profile.X.kafka] sasl`: who signs in. `user` and `password` are references (env:NAME, file:PATH)."""

    user: str
    password: str = field(repr=False)
    mechanism: Mechanism = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`[profile.X.kafka]`. `ca` is a file of certificates in PEM form; without it the system's are trusted."""

    brokers: tuple[str, ...]  # host:port
    tls: bool = False
    ca: str | None = None
    sasl: SaslSettings | None = None


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """`[ingest.TOPIC]`: the columns of a topic's records, each with its type; those in `required` are never null."""

    columns: Mapping[str, str]
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """The brokers, and the keys of Kafka's clients with their values, secrets among them: never printed."""

    brokers: tuple[str, ...]
    properties: Mapping[str, str] = field(repr=False)


def kafka_mistake(kafka: KafkaSettings) -> tuple[str, str, str] | None:
    """The key of `[profile.X.kafka]` that is wrong, how, and the hint."""
    if not kafka.brokers:
        return "brokers", "brokers must name at least one.", 'Write brokers = ["host:9092"].'
    for broker in kafka.brokers:
        if split_broker(broker) is None:
            return "brokers", f'a broker must be host:port, got "{broker}".', 'Write brokers = ["host:9092"].'
    if kafka.ca is not None and not kafka.ca.startswith("file:"):
        return "ca", "the certificates must be a file.", 'Write "file:ca.pem", a file of certificates in PEM form.'
    if kafka.ca is not None and not kafka.tls:
        return "ca", "certificates are only used with TLS.", "Write tls = true beside it."
    if kafka.sasl is not None:
        for secret in (kafka.sasl.user, kafka.sasl.password):
            if not secret.startswith(_REFERENCES):
                return "sasl", "a secret stands in it.", 'Write a reference: "env:NAME" or "file:PATH".'
    return None


def split_broker(broker: str) -> tuple[str, int] | None:
    """Host and port of "host:port"; None where it is something else.

    >>> split_broker("kafka:9092"), split_broker("[::1]:9092"), split_broker("http://kafka:9092")
    (('kafka', 9092), ('::1', 9092), None)
    """
    host, _, port = broker.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in broker or "@" in broker or "," in broker or not port.isascii() or not port.isdigit():
        return None
    return (host, int(port)) if 0 < int(port) <= MOST_PORTS else None


def client_properties(
    brokers: tuple[str, ...],
    *,
    tls: bool,
    authorities: str | None,
    sign_in: tuple[Mechanism, str, str] | None,
) -> dict[str, str]:
    """What every client of these brokers is told; `authorities` is text in PEM form, `sign_in` has user and password.

    The certificates go as text, because executors elsewhere do not have the file.
    """
    properties = {
        "bootstrap.servers": ",".join(brokers),
        "security.protocol": ("SASL_" if sign_in else "") + ("SSL" if tls else "PLAINTEXT"),
    }
    if authorities is not None:
        properties |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": authorities}
    if sign_in is not None:
        mechanism, user, password = sign_in
        module = f"{_LOGIN}.{_MODULES.get(mechanism, _SCRAM_MODULE)}"
        properties |= {
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": f"{module} required username={_quoted(user)} password={_quoted(password)};",
        }
    return properties


def _quoted(text: str) -> str:
    if any(character in text for character in "\0\n\r"):
        raise InputError(
            "user and password must be a single line.", path="sasl", hint="Write the reference's content on one line."
        )
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
