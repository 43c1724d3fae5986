"""A run that a cluster drives: its driver's Job, submitted, followed, stopped, and what it needs in a namespace."""
