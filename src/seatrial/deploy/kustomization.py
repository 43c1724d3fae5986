"""A folder of Kubernetes objects as a base of kustomize, which changes none of them."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.cluster.yaml_text import to_yaml
from seatrial.deploy.target import Document

# one of kustomize's three names, and the one that `kubectl apply -f DIR` does not take for an object
FILE_NAME = "Kustomization"


def kustomization(documents: Sequence[Document]) -> Document:
    """The file beside the documents that lists them; what else lies in the folder, from another time, is not sent."""
    return Document(
        FILE_NAME,
        to_yaml(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [document.path for document in documents],
            }
        ),
    )
