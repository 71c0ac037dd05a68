"""Ways to look at a run; the runner only ever calls `view.update` and `view.close`."""
