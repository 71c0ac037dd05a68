"""Writes the mean tallies behind the anchors from a run folder.

Usage: python test/energy/make_reference.py RUN_DIR "what was run" [reference|reference_nano]
"""

import json
import sys

from vio.energy import plan, run
from vio.energy.validate import HERE
from vio.events import NAMES


def main(folder, about, name="reference"):
    events, t_ns = run.load_events(folder)
    means = {name: round(float(value), 3) for name, value in zip(NAMES, events.mean(axis=0))}
    tree = {"about": about, "period_s": run.period_s(t_ns, 20.0), "events": means}
    tree["ledger"] = plan.load(folder)
    path = HERE / f"{name}.json"
    path.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
