"""The services of mammosynth, one folder each, and its command line."""
