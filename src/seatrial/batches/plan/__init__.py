"""The order of an epoch, its memory, and how far it has come."""
