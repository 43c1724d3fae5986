"""The project: its file, its steps, what has to run and why, and running it."""
