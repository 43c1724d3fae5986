"""Secrets of an Azure key vault, read by the identity of the machine: a job of Azure ML is given none.

Microsoft's guide (learn.microsoft.com/azure/machine-learning/how-to-use-secrets-in-runs) has the job's own code fetch
them. The token is asked for as azure-identity 1.27 does it on a compute of Azure ML (`_credentials/azure_ml.py`), the
secret by version 7.4 of the vault's REST interface; no package of Azure's has to be in the image.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from seatrial.errors import InputError, TargetError
from seatrial.releases.keys import key_path, seatrial_home, write_new

VAULT_VARIABLE = "SEATRIAL_KEY_VAULT"  # https://NAME.vault.azure.net
NAMES_VARIABLE = "SEATRIAL_KEY_VAULT_VARIABLES"  # the variables to fill from it, by commas
SIGNING_VARIABLE = "SEATRIAL_SIGNING_VAULT"  # the vault with the key of the release step
SIGNING_SECRET = "seatrial-release-pem"  # noqa: S105 — the name of a secret
ENDPOINT_VARIABLE, ENDPOINT_SECRET = "MSI_ENDPOINT", "MSI_SECRET"  # of every compute that has an identity
CLIENT_VARIABLE = "DEFAULT_IDENTITY_CLIENT_ID"  # which of its identities, where it has several
TOKEN_VERSION, VAULT_VERSION = "2017-09-01", "7.4"
TIMEOUT_S = 30.0
TRIES = 4  # a machine that has just started answers a moment later
PAUSE_S = 1.0  # doubled each time
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token is sent to the address that it was asked for, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def secret_name(variable: str) -> str:
    """What a vault calls the value of a variable: its names have letters, digits and hyphens alone.

    >>> secret_name("AWS_ACCESS_KEY_ID")
    'aws-access-key-id'
    """
    return variable.lower().replace("_", "-")


def open_vaults(environment: MutableMapping[str, str]) -> None:
    """Puts what the vaults of the environment hold where it is looked for; then the environment names them no more.

    A process that is started from here is given what was read, and asks nobody.
    """
    found = vault_variables(environment)
    take_signing_key(environment, seatrial_home(environment))
    for name in (VAULT_VARIABLE, NAMES_VARIABLE, SIGNING_VARIABLE):
        environment.pop(name, None)
    environment.update(found)


def vault_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that the vault of the environment holds, by name; none where it names no vault."""
    vault, names = environment.get(VAULT_VARIABLE), environment.get(NAMES_VARIABLE)
    if not vault or not names:
        return {}
    token = _token(vault, environment)
    return {name: _secret(vault, secret_name(name), token) for name in names.split(",")}


def take_signing_key(environment: Mapping[str, str], home: Path) -> None:
    """Writes the key of the signing vault to where keys are looked for, readable by this user alone."""
    vault = environment.get(SIGNING_VARIABLE)
    if vault:
        key = _secret(vault, SIGNING_SECRET, _token(vault, environment))
        write_new(key_path(home, "release"), key.encode("ascii", "replace"))


def _token(vault: str, environment: Mapping[str, str]) -> str:
    endpoint = environment.get(ENDPOINT_VARIABLE)
    if not endpoint:
        raise InputError(
            f"the compute must have a managed identity to read {vault}, and {ENDPOINT_VARIABLE} is not set.",
            path=ENDPOINT_VARIABLE,
            hint="Give it one: az ml compute update --name NAME --identity-type SystemAssigned",
        )
    # The resource is the vaults' own of that cloud: https://vault.azure.net.
    question = {
        "api-version": TOKEN_VERSION,
        "resource": f"https://{(urlsplit(vault).hostname or '').partition('.')[2]}",
    }
    if client := environment.get(CLIENT_VARIABLE):
        question["clientid"] = client
    headers = {"secret": environment.get(ENDPOINT_SECRET, "")}
    # The endpoint is this machine's own: no proxy leads to it.
    what = "the identity of the compute"
    return _get(f"{endpoint}?{urlencode(question)}", headers, what=what, field="access_token", proxies={})


def _secret(vault: str, name: str, token: str) -> str:
    address = f"{vault.rstrip('/')}/secrets/{name}"
    headers = {"Authorization": f"Bearer {token}"}
    question = urlencode({"api-version": VAULT_VERSION})
    return _get(f"{address}?{question}", headers, what=address, field="value")


def _get(url: str, headers: Mapping[str, str], *, what: str, field: str, proxies: dict[str, str] | None = None) -> str:
    """The text in that field of the JSON answer. No error repeats a header, nor an answer."""
    opener = urllib.request.build_opener(_NoRedirects(), urllib.request.ProxyHandler(proxies))
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 — of a checked profile, or the machine's own
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                document = json.load(answer)
            if isinstance(document, dict) and isinstance(document.get(field), str):
                return str(document[field])
            problem = f"its answer lacks {field}"
            break
        except urllib.error.HTTPError as error:
            problem = f"it answered {error.code}"
            if error.code not in _BUSY:
                break
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = str(getattr(error, "reason", None) or type(error).__name__)
    raise TargetError(
        f"{what} cannot be read: {problem}.",
        path=what,
        hint="Give the compute's identity the role Key Vault Secrets User, and the vault a secret of that name.",
    )
