"""Curator: films and tables in, prepared data set out."""
