"""Steps: how a project declares them, the graph of them, and the built-in ones."""
