"""Recordings in, trajectories out: the only folder that knows file formats."""
