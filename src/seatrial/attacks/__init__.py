"""Attacks on models: threat models as values, gradients of each framework, and what an attacker would try."""
