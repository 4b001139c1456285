"""A second classifier, independent of the gate, on what a run accepted, rejected, and made as placebo."""
