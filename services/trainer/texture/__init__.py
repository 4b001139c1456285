"""The texture detector: statistics of a film's grey levels, bands, edges and rim, and how unlike real films' they are.

The paper's auto-encoder makes a smooth film again as well as a real one, or better, so it takes blur and brush strokes
for plausible. The statistics here are two-sided: too smooth is as wrong as too rough.
"""
