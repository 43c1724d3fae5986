"""Images of a project's environment: what is in them, their Containerfiles, and the tools that build them."""
