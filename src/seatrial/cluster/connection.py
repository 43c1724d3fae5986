"""Kubernetes' own client for a context of the kubeconfig, or for the cluster that this process is in."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from seatrial.errors import InputError, did_you_mean


def client_of(context: str | None) -> Any:  # of a library without types
    """An `ApiClient`. `InputError` for a context that is not there, or where there is no package to reach one."""
    try:
        from kubernetes import config
        from kubernetes.client import ApiClient, Configuration
    except ImportError:
        raise InputError(
            "running on a cluster needs the package kubernetes.", hint="pip install 'seatrial[kubernetes]'"
        ) from None
    try:
        if context is None:
            settings = Configuration()
            config.load_incluster_config(client_configuration=settings)
            return ApiClient(settings)
        return config.new_client_from_config(_kubeconfig(), context=context)
    except config.ConfigException as error:
        raise _no_context(context, str(error)) from None


def current_context() -> str | None:
    """The current context of the kubeconfig; None without a kubeconfig, as in a pod."""
    try:
        from kubernetes import config

        return str(config.list_kube_config_contexts(_kubeconfig())[1]["name"])
    except ImportError:  # whoever opens a client is told
        return None
    except config.ConfigException:
        return None


def _kubeconfig() -> str | None:
    """The file or files that KUBECONFIG names now: the client knows those of the time when it was imported."""
    return os.environ.get("KUBECONFIG") or None


def _no_context(context: str | None, words: str) -> InputError:
    from kubernetes import config

    if context is None:
        return InputError(
            "the profile must name a context of the kubeconfig, since this process is in no cluster.",
            path="cluster.context",
            hint='Write cluster = { context = "…" }; `kubectl config get-contexts` lists them.',
        )
    contexts: list[str] = []
    with suppress(config.ConfigException):
        contexts = [entry["name"] for entry in config.list_kube_config_contexts(_kubeconfig())[0]]
    if context in contexts:
        return InputError(f"the context {context!r} cannot be used: {words}.", path="kubeconfig", hint="Correct it.")
    hint = did_you_mean(context, contexts) or f"The kubeconfig has: {', '.join(contexts) or 'none'}."
    return InputError(f"the context {context!r} is not in the kubeconfig.", path="cluster.context", hint=hint)
