"""Tracks and preintegrated motion to the state: fixed-lag optimisation."""
