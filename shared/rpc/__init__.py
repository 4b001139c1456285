"""gRPC as every service uses it: server start-up, channels, and one table from errors to statuses."""
