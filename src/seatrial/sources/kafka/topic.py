"""A topic as Kafka's own administration client sees it: its id, its partitions and their offsets."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.errors import InputError, SeatrialError, SourceError, did_you_mean
from seatrial.prepare.failure import java_chain
from seatrial.sources.kafka.mark import Offsets
from seatrial.sources.kafka.settings import KafkaConnection, split_broker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONNECT_S = 5.0
REQUEST_MS = 10_000  # of one attempt; a healthy broker answers within milliseconds
ANSWER_MS = 20_000  # of a question with all its attempts
MOST_NAMES = 10  # of topics, in a hint


@dataclass(frozen=True, slots=True)
class TopicOffsets:
    """A topic at one moment: by partition the first offset that is there, and the one that comes next.

    `latest` is behind the last record of a transaction that ended: what still may be aborted is not counted.
    """

    topic_id: str
    earliest: Offsets
    latest: Offsets


class TopicClient:
    """Owns a connection to the brokers, in the JVM of a Spark session; `close` ends it."""

    def __init__(self, spark: SparkSession, connection: KafkaConnection) -> None:
        self._jvm: Any = spark._jvm
        self._connection = connection
        properties = self._jvm.java.util.Properties()
        timeouts = {"request.timeout.ms": REQUEST_MS, "default.api.timeout.ms": ANSWER_MS}
        for key, value in (*connection.properties.items(), *timeouts.items()):
            properties.put(key, str(value))
        try:
            self._admin = self._jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
        except Exception as error:  # noqa: BLE001 py4j's exceptions have no common class
            raise kafka_failure(error, connection) from None

    def close(self) -> None:
        """Ends the connection."""
        self._admin.close()

    def offsets(self, topic: str) -> TopicOffsets:
        """Asks for each partition's first and next offset; raises `InputError` where the topic does not exist."""
        try:
            return self._offsets(topic)
        except SeatrialError:
            raise
        except Exception as error:  # noqa: BLE001 as above
            chain = "\n".join(java_chain(error))
            if "UnknownTopicOrPartitionException" in chain or "InvalidTopicException" in chain:
                raise self._absent(topic) from None
            raise kafka_failure(error, self._connection) from None

    def _offsets(self, topic: str) -> TopicOffsets:
        admin, kafka = self._jvm.org.apache.kafka.clients.admin, self._jvm.org.apache.kafka.common
        names = self._jvm.java.util.ArrayList()
        names.add(topic)
        described = self._admin.describeTopics(names).allTopicNames().get().get(topic)
        partitions = sorted(int(each.partition()) for each in described.partitions())
        committed = admin.ListOffsetsOptions(kafka.IsolationLevel.READ_COMMITTED)
        ends = []
        for spec in (admin.OffsetSpec.earliest(), admin.OffsetSpec.latest()):
            question = self._jvm.java.util.HashMap()
            for partition in partitions:
                question.put(kafka.TopicPartition(topic, partition), spec)
            answer = self._admin.listOffsets(question, committed)
            ends.append(
                {
                    each: int(answer.partitionResult(kafka.TopicPartition(topic, each)).get().offset())
                    for each in partitions
                }
            )
        return TopicOffsets(str(described.topicId().toString()), *ends)

    def _absent(self, topic: str) -> InputError:
        names = sorted(str(name) for name in self._admin.listTopics().names().get())
        listed = f"There is: {', '.join(names[:MOST_NAMES])}{', …' if len(names) > MOST_NAMES else ''}."
        hint = did_you_mean(topic, names) or (listed if names else "There is no topic yet.")
        brokers = ", ".join(self._connection.brokers)
        return InputError(f'the topic "{topic}" does not exist at {brokers}.', path="TOPIC", hint=hint)


def reach_brokers(brokers: Iterable[str]) -> None:
    """Says within seconds when no broker answers, before anything is started."""
    failures = []
    for broker in brokers:
        host, port = split_broker(broker) or (broker, 0)
        try:
            socket.create_connection((host, port), timeout=CONNECT_S).close()
        except socket.gaierror:
            failures.append(f"{broker}: unknown host")
        except OSError as error:
            failures.append(f"{broker}: {(error.strerror or str(error)).lower()}")
        else:
            return
    raise SourceError(f"Kafka does not answer ({'; '.join(failures)}).", path="kafka.brokers", hint=_REACH)


_REACH = "Start it, or correct `brokers` in [profile.X.kafka]."


def kafka_failure(error: BaseException, connection: KafkaConnection) -> SourceError:
    """What Kafka's client raised, by the setting that is to be looked at; without a secret."""
    chain = java_chain(error)
    brokers, words = ", ".join(connection.brokers), "\n".join(chain)
    if "SaslAuthenticationException" in words or "UnsupportedSaslMechanismException" in words:
        return SourceError(
            f"{brokers} refused the user, the password or the mechanism.",
            path="kafka.sasl",
            hint="Check `user`, `password` and `mechanism` in [profile.X.kafka] sasl.",
        )
    if "AuthorizationException" in words:
        return SourceError(
            f"{brokers} does not let this user read the topic.", path="kafka.sasl", hint="Grant it Describe and Read."
        )
    if "SslAuthenticationException" in words or "SSLHandshakeException" in words:
        return SourceError(
            f"the certificate of {brokers} is not trusted.",
            path="kafka.ca",
            hint='Name the authority that signed it: ca = "file:ca.pem" in [profile.X.kafka].',
        )
    if "TimeoutException" in words or "DisconnectException" in words:
        return SourceError(
            f"{brokers} took the connection, and gave no answer that a Kafka client understands.",
            path="kafka.brokers",
            hint="Check `tls` and `sasl` in [profile.X.kafka], and the addresses that the brokers advertise.",
        )
    return SourceError(f"Kafka's client failed: {chain[-1] if chain else type(error).__name__}.", path=brokers)
