"""Training that moves what the trial measures: robust to attack, fair between groups. Plain functions for any loop."""
