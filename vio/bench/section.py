"""Part of a recording, decoded once and flown many times."""


class Section:
    """A dataset that holds what was measured between two stamps [ns], both included."""

    def __init__(self, dataset, first_ns, last_ns):
        self.rig, self.name = dataset.rig, dataset.name
        self.kept = list(dataset.measurements(first_ns, last_ns))

    def measurements(self, start_ns=None, end_ns=None):
        """What was measured, in time order."""
        return iter(self.kept)
