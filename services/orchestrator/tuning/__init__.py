"""Sweeps recipes on films that a run never draws from, each beside its placebo, and orders a policy by what is left."""
