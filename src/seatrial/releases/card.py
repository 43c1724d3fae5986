"""The model card, as CycloneDX 1.6 JSON (cyclonedx.org/docs/1.6): what inventories of software read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from seatrial.models.signature import Signature
from seatrial.releases.release import PACKAGE
from seatrial.stores.documents import sha256, to_json
from seatrial.verdicts.evidence import Claim, Evidence, Family
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Verdict

_NAMESPACE = uuid.UUID(
    "5c0f5f6e-8a54-4a06-9d0a-5a9a3f6f1d52"
)  # ours alone: the same release has the same serial number


def model_card(
    *,
    name: str,
    version: int,
    created: str,
    package: Mapping[str, bytes],
    signature: Signature | None,
    trial: Trial,
    policy: Policy,
    verdict: Verdict,
) -> bytes:
    """`card.json`: the model's form, what was measured with its bounds, and what nobody measured."""
    serial = uuid.uuid5(_NAMESPACE, f"{name}@{version} {trial.model} {created}")
    properties = {
        "seatrial:verdict": str(verdict.outcome),
        "seatrial:model": trial.model,
        "seatrial:policy": trial.policy,
        "seatrial:policy-confidence": f"{policy.confidence:g}",
        "seatrial:confidence": f"{trial.confidence:g}",
        **({"seatrial:test-use": str(trial.test_use.use)} if trial.test_use else {}),
    }
    return to_json(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{serial}",
            "version": 1,
            "metadata": {
                "timestamp": created,
                "component": {
                    "type": "machine-learning-model",
                    "bom-ref": f"{name}@{version}",
                    "name": name,
                    "version": str(version),
                    "components": [
                        {
                            "type": "file",
                            "bom-ref": f"{PACKAGE}{path}",
                            "name": f"{PACKAGE}{path}",
                            "hashes": [{"alg": "SHA-256", "content": sha256(data)}],
                        }
                        for path, data in sorted(package.items())
                    ],
                    "modelCard": _card(signature, trial, policy, verdict),
                    "properties": [{"name": key, "value": value} for key, value in sorted(properties.items())],
                },
            },
        }
    )


def _card(signature: Signature | None, trial: Trial, policy: Policy, verdict: Verdict) -> dict[str, object]:
    card: dict[str, object] = {
        "quantitativeAnalysis": {"performanceMetrics": [_metric(evidence) for evidence in trial.evidence]},
        "considerations": {
            "technicalLimitations": [
                *(f"Not measured: {gap.claim} of {gap.slice}: {gap.reason}" for gap in trial.not_measured),
                *(
                    f"{finding.requirement}: {finding.outcome}"
                    for finding in verdict.findings
                    if finding.outcome != "pass"
                ),
            ],
            "fairnessAssessments": [
                {"groupAtRisk": f"groups of {column}", "harms": f"judged by: {requirement}"}
                for requirement in policy.require
                if (column := requirement.claim.column) is not None
            ],
        },
    }
    if signature is not None:
        card["modelParameters"] = {
            "task": f"{signature.task} {'' if signature.task == 'regression' else 'classification'}".strip(),
            "inputs": [{"format": f"{column.name}: {column.kind}"} for column in signature.inputs],
            "outputs": [{"format": name} for name in (signature.classes or ("number",))],
        }
    return card


def _metric(evidence: Evidence) -> dict[str, object]:
    return {
        "type": _metric_type(evidence.claim),
        "value": f"{evidence.estimate:.6g}",
        "slice": evidence.slice,
        "confidenceInterval": {"lowerBound": f"{evidence.low:.6g}", "upperBound": f"{evidence.high:.6g}"},
    }


def _metric_type(claim: Claim) -> str:
    return f"{claim.metric} difference" if claim.family is Family.PAIRS else claim.metric
