"""How a profile wants its services to run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceChoice:
    """`[profile.X] service`: only what differs from how `deploy` runs a service anyway."""

    namespace: str | None = None
    replicas: int | None = None
    cpu: str | None = None  # "500m", "2"
    memory: str | None = None  # "512Mi"
    secret: str | None = None  # the name of the Secret (in Azure ML: of the connection) that holds the store's keys
    callers: tuple[str, ...] | None = None  # namespaces that may call the service, beside its own
    instance_type: str | None = None  # Azure ML's size of machine
