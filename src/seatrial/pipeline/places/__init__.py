"""Where the steps of a run run: on this machine, or as Jobs of a Kubernetes cluster."""
