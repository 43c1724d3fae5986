"""Names that a target accepts, made from names of releases; two releases never share one."""

from __future__ import annotations

import hashlib
import re

DNS_LABEL_LIMIT = 63  # RFC 1123, section 2.1
_DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")  # RFC 1035: a Service's name begins with a letter
_DIGEST_DIGITS = 8  # 32 bits tell apart the few names of one namespace that had to be changed


def dns_label(name: str, *, limit: int = DNS_LABEL_LIMIT) -> str:
    """`name` where it is a legal DNS label of at most `limit` characters, else a legal one that no other name gets.

    >>> dns_label("census")
    'census'
    >>> dns_label("Census_Income")
    'census-income-7de6c355'
    """
    if is_dns_label(name, limit=limit):
        return name
    suffix = "-" + hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_DIGITS]
    label = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not label[:1].isalpha():
        label = f"release-{label}"
    return label[: limit - len(suffix)].rstrip("-") + suffix


def is_dns_label(name: str, *, limit: int = DNS_LABEL_LIMIT) -> bool:
    """Whether Kubernetes takes `name` for a Service (RFC 1035 label)."""
    return len(name) <= limit and _DNS_LABEL.fullmatch(name) is not None
