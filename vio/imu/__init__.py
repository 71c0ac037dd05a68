"""Inertial samples to preintegrated motion."""
