"""Rotations and cameras: pure maths kernels."""
