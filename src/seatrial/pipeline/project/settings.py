"""What `seatrial.toml` can say, as values: one dataclass a table of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.cluster.node_choice import Toleration
from seatrial.cluster.scale import Scale
from seatrial.models.signature import Task
from seatrial.pipeline.steps.declaration import Parameter
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.sources.kafka.settings import IngestSettings, KafkaSettings
from seatrial.verdicts.policy import Policy

FILE_NAME = "seatrial.toml"


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """`[project]`. `pipeline` is the module whose steps these are."""

    name: str
    pipeline: str = "pipeline"


@dataclass(frozen=True, slots=True)
class DataSettings:
    """`[data]`: steps' outputs or files by role, and what the columns mean. What `clip` and such do: see `Subject`."""

    test: str
    label: str
    task: Task
    validation: str | None = None
    calibration: str | None = None
    train: str | None = None
    positive: str | None = None
    groups: tuple[str, ...] = ()
    cluster: str | None = None
    weight: str | None = None
    clip: float | None = None
    quantile: float | None = None


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`[model]`: the step that trains, or the file of a finished model and what that does not say of itself."""

    from_: str
    inputs: tuple[str, ...] = ()  # the columns of a matrix, in its order
    classes: tuple[str, ...] = ()  # in the order of its probabilities
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """`[profile.X] store` or `test_uses`. What is left out is not stated: there the environment counts.

    `credentials` is "env", "none" (requests are not signed), or a reference for each part of them.
    """

    url: str
    endpoint: str | None = None
    credentials: str | Mapping[str, str] | None = None
    region: str | None = None
    proxy: str | None = None  # "none": straight to the store, whatever the environment says
    ca: str | None = None  # file:PATH, certificates in PEM form


@dataclass(frozen=True, slots=True)
class BucketChoice:
    """`[profile.X.buckets] NAME`: how another bucket is reached, of which steps and `[data]` name objects.

    Like `StoreChoice`, without the address: that is the bucket's name.
    """

    endpoint: str | None = None
    credentials: str | Mapping[str, str] | None = None
    region: str | None = None
    proxy: str | None = None
    ca: str | None = None

    def store(self, bucket: str) -> StoreChoice:
        """The bucket as a store."""
        return StoreChoice(f"s3://{bucket}", self.endpoint, self.credentials, self.region, self.proxy, self.ca)


@dataclass(frozen=True, slots=True)
class ServiceChoice:
    """`[profile.X] service`: only what differs from how `deploy` runs a service anyway."""

    namespace: str | None = None
    replicas: int | None = None
    scale: Scale | None = None  # in place of `replicas`
    cpu: str | None = None  # "500m", "2"
    memory: str | None = None  # "512Mi"
    secret: str | None = None  # the name of the Secret (in Azure ML: of the connection) that holds the store's keys
    callers: tuple[str, ...] | None = None  # namespaces that may call the service, beside its own
    instance_type: str | None = None  # Azure ML's size of machine
    guard: bool | None = None  # whether it tells who asks which values are out of range or unknown
    sample: float | None = None  # which share of rows and answers it keeps
    sample_without: tuple[str, ...] | None = None  # inputs that are never kept
    samples: str | None = None  # where they go: s3://bucket/prefix


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """`[profile.X] cluster`: where the steps run under `run --on kubectl`.

    `context` is one of the kubeconfig's; without it the cluster is the one that the process is in. Each key of `secret`
    becomes an environment variable of every step, as `env:NAME` and `credentials = "env"` read them.
    """

    namespace: str = "default"
    context: str | None = None
    secret: str | None = None  # the name of a Secret
    service_account: str = "default"
    signing_secret: str | None = None  # a Secret with release.pem, of which the release step's pod alone is told
    release_service_account: str | None = None  # without it the steps' own
    node_selector: Mapping[str, str] = field(default_factory=dict)  # of all pods of steps
    tolerations: tuple[Toleration, ...] = ()
    spark_service_account: str | None = None  # of Spark steps with executors: it may make pods
    driver_service_account: str | None = None  # with it the cluster drives the run: in a Job that may make Jobs
    driver_memory: str = "1Gi"


@dataclass(frozen=True, slots=True)
class KubeflowChoice:
    """`[profile.X] kubeflow`: where Kubeflow Pipelines is asked. What its pods need stands in `[profile.X] cluster`."""

    endpoint: str | None = None  # https://host:port, with the path under which Kubeflow stands there
    token: str | None = None  # env:NAME or file:PATH
    ca: str | None = None  # file:PATH, certificates in PEM form
    namespace: str | None = None  # of a Kubeflow with several users: whose run it is
    experiment: str | None = None  # without it, the project's name
    service_account: str | None = None  # of all pods of a run; without it Kubeflow's own default


@dataclass(frozen=True, slots=True)
class AzureMLChoice:
    """`[profile.X] azureml`: where the steps run under `run --on azureml`. Computes and vaults are there already."""

    compute: str
    gpu_compute: str | None = None  # of steps with gpus
    release_compute: str | None = None  # of the release step: its identity alone reads the signing vault
    key_vault: str | None = None  # https://NAME.vault.azure.net, with what `env:NAME` and `credentials = "env"` mean
    signing_vault: str | None = None  # another vault, with the signing key


@dataclass(frozen=True, slots=True)
class ResourceChoice:
    """`[profile.X.steps] NAME`: what overrides the step's own declaration there. `workers` alone enters its key."""

    cpu: str | None = None
    memory: str | None = None
    gpus: int | None = None
    timeout_s: int | None = None
    retries: int | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """`[profile.X]`: where it runs. Without a store: the embedded one; without a catalog: SQLite.

    `test_uses` is where uses of test data are counted with other projects; without it they count in the store alone.
    """

    store: StoreChoice | None = None
    buckets: Mapping[str, BucketChoice] = field(default_factory=dict)
    catalog: str | None = None
    spark: SparkSettings = field(default_factory=SparkSettings)
    image: str | None = None
    cluster: ClusterChoice | None = None
    kubeflow: KubeflowChoice | None = None
    azureml: AzureMLChoice | None = None
    steps: Mapping[str, ResourceChoice] = field(default_factory=dict)
    service: ServiceChoice = field(default_factory=ServiceChoice)
    test_uses: StoreChoice | None = None
    kafka: KafkaSettings | None = None  # where `seatrial ingest` reads


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its folder, and what its `seatrial.toml` says."""

    directory: Path
    name: str
    pipeline: str
    data: DataSettings | None
    model_settings: ModelSettings | None
    parameters: Mapping[str, Mapping[str, Parameter]]
    policy: Policy
    profiles: Mapping[str, ProfileSettings]
    ingest: Mapping[str, IngestSettings] = field(default_factory=dict)  # by topic

    @property
    def model(self) -> str | None:
        """Where the model comes from; None where there is none to try."""
        return None if self.model_settings is None else self.model_settings.from_

    @property
    def path(self) -> str:
        """The file that says so."""
        return str(self.directory / FILE_NAME)
