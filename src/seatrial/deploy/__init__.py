"""A release rendered for a target, and sent exactly as rendered."""
