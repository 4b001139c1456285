"""Trains the two gates on a prepared data set and writes them as ONNX files that the scoring services take."""
