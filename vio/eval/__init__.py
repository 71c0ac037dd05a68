"""Trajectories against ground truth: association, alignment, errors, consistency."""
