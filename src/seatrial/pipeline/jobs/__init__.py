"""Jobs: a step with everything that it reads pinned, and the key which that gives."""
