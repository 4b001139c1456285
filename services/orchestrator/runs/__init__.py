"""Runs as Kubernetes Jobs: starting, watching and stopping them."""
