"""Accepted films as DICOM objects that cannot be mistaken for those of a living patient."""
