"""A real Kafka on free ports of 127.0.0.1, ended by its own process id, with a client to fill its topics."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seatrial.errors import SeatrialError
from seatrial.prepare.jars import KAFKA, SPARK, JarList, fetch_jars
from seatrial.prepare.java import java_version
from seatrial.stores.embedded.certificates import make_certificates
from tests.servers import LOOPBACK, free_port, running

SERVER = JarList(name="kafka-server", coordinates=("org.apache.kafka:kafka_2.13:4.1.2",), excludes=())
USER = "reader"
FORMAT_S = 60
# A broker that is silent for 9 s loses its partitions for a while; on cores that many share, silences are longer.
PATIENCE_MS = 600_000
SEND_S = 60


@dataclass(frozen=True)
class Broker:
    """One broker: `plain` takes anybody, `secured` those who sign in over TLS under a certificate of `authority`."""

    plain: str
    secured: str
    password: str
    authority: Path
    jvm: Any
    admin: Any

    def create_topic(self, name: str, *, partitions: int = 3, **config: str) -> None:
        topic = self.jvm.org.apache.kafka.clients.admin.NewTopic(name, partitions, 1).configs(config)
        self.admin.createTopics([topic]).all().get()

    def topic_id(self, name: str) -> str | None:
        """The topic's id as the broker has it by now; None where it has no such topic."""
        from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]  # it ships no types

        try:
            return str(self.admin.describeTopics([name]).allTopicNames().get().get(name).topicId().toString())
        except Py4JJavaError:
            return None

    def send(self, topic: str, values: Iterable[bytes | None], *, partitions: int = 3) -> None:
        """Sends the values, one partition after the other in turn."""
        with self._producer() as producer:
            self._send(producer, topic, values, partitions)

    @contextmanager
    def transactions(self) -> Iterator[Any]:
        """A producer of transactions, for `transaction`."""
        with self._producer({"transactional.id": uuid.uuid4().hex}) as producer:
            producer.initTransactions()
            yield producer

    def transaction(self, producer: Any, topic: str, values: Iterable[bytes], *, abort: bool = False) -> None:
        producer.beginTransaction()
        self._send(producer, topic, values, 3)
        producer.flush()
        (producer.abortTransaction if abort else producer.commitTransaction)()

    @contextmanager
    def _producer(self, more: dict[str, str] | None = None) -> Iterator[Any]:
        serializer = "org.apache.kafka.common.serialization.ByteArraySerializer"
        properties = {
            "bootstrap.servers": self.plain,
            "key.serializer": serializer,
            "value.serializer": serializer,
            "linger.ms": "20",
            **(more or {}),
        }
        producer = self.jvm.org.apache.kafka.clients.producer.KafkaProducer(properties)
        try:
            yield producer
        finally:
            producer.close()

    def _send(self, producer: Any, topic: str, values: Iterable[bytes | None], partitions: int) -> None:
        record = self.jvm.org.apache.kafka.clients.producer.ProducerRecord
        from py4j.protocol import Py4JJavaError

        try:
            producer.partitionsFor(topic)
            sent = [producer.send(record(topic, place % partitions, None, value)) for place, value in enumerate(values)]
            producer.flush()
            for result in sent:
                result.get()
        except Py4JJavaError as error:  # a starved broker, of which no test is about
            pytest.skip(f"Kafka did not take the test's records in time: {error.java_exception}")


@contextmanager
def kafka_broker(folder: Path) -> Iterator[Broker]:
    """A broker over a folder; skips where Java or the jars cannot be had."""
    jars = fetched()
    certificates = make_certificates(folder, LOOPBACK)
    (folder / "server.pem").write_bytes(certificates.key.read_bytes() + certificates.certificate.read_bytes())
    plain, secured, controller = free_port(), free_port(), free_port()
    password = f'pass "word" {uuid.uuid4().hex}'
    quoted = password.replace('"', '\\\\"')
    login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    (folder / "server.properties").write_text(f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{controller}
listeners=PLAINTEXT://{LOOPBACK}:{plain},SASL_SSL://{LOOPBACK}:{secured},CONTROLLER://{LOOPBACK}:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config={login} required user_{USER}="{quoted}";
ssl.keystore.type=PEM
ssl.keystore.location={folder / "server.pem"}
log.dirs={folder / "log"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms={PATIENCE_MS}
""")
    java = ["java", "-Xmx400m", "-cp", ":".join(str(jar) for jar in jars)]
    subprocess.run(
        [
            *java,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "MkU3OEVBNTcwNTJENDM2Qg",
            "-c",
            folder / "server.properties",
        ],
        check=True,
        capture_output=True,
        timeout=FORMAT_S,
    )
    with running([*java, "kafka.Kafka", str(folder / "server.properties")], plain), _client(jars) as jvm:
        address = f"{LOOPBACK}:{plain}"
        admin = jvm.org.apache.kafka.clients.admin.AdminClient.create({"bootstrap.servers": address})
        yield Broker(address, f"{LOOPBACK}:{secured}", password, certificates.authority, jvm, admin)
        admin.close()


def fetched() -> tuple[Path, ...]:
    """The broker's jars; Spark's connector is fetched at the same time, which takes a minute the first time."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    try:
        java_version()
        with ThreadPoolExecutor() as pool:
            lists = [[SERVER], [SPARK], *([each] for each in KAFKA)]
            server, *_ = pool.map(fetch_jars, lists)
    except SeatrialError as error:
        pytest.skip(f"no Kafka: {error}")
    return (*server, _jar_of_spark("scala-library"))  # which Spark's Ivy never fetches


@contextmanager
def _client(jars: tuple[Path, ...]) -> Iterator[Any]:
    """A JVM with Kafka's own clients, whose classes are called from here."""
    from py4j.java_gateway import (  # type: ignore[import-untyped]  # it ships no types
        GatewayParameters,
        JavaGateway,
        launch_gateway,
    )

    port, process = launch_gateway(
        jarpath=str(_jar_of_spark("py4j")),
        classpath=":".join(str(jar) for jar in jars),
        javaopts=["-Xmx256m"],
        die_on_exit=True,
        return_proc=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auto_convert=True))
    try:
        yield gateway.jvm
    finally:
        gateway.shutdown()
        process.stdin.close()
        process.wait(SEND_S)


def _jar_of_spark(name: str) -> Path:
    import pyspark

    return next((Path(pyspark.__file__).parent / "jars").glob(f"{name}-*.jar"))
