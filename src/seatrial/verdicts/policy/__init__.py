"""What must hold, and at which confidence: policies, their threat models, and how both are read from a document."""

from seatrial.verdicts.policy.policy import Policy, Requirement

__all__ = ["Policy", "Requirement"]
