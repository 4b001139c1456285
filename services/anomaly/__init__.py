"""How far a film is from real ones: serves an auto-encoder's reconstruction error over gRPC."""
