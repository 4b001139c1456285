"""Whether a film looks malignant to a model: serves a classifier over gRPC. Not a diagnosis."""
