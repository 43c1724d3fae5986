"""Running: what a run would do, doing it step by step, and the record of how it went."""
