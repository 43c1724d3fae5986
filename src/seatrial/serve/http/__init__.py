"""HTTP: connections, requests with their bodies within limits, responses."""
