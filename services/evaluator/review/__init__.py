"""A reader study of a run: a blinded page for radiologists, and what their answers come to."""
