"""What `vio energy` does, free of the terminal: folders and targets to figures and tables."""

from vio.energy import report
from vio.energy.run import ablation, figures


def run(folders, target: str, compare: list[str], plot, validate: bool):
    """(tree for JSON, tables and lines to show) of runs on one or more targets.

    Args:
        folders: run folders; the first is shown in full. compare: further targets.
        plot: folder for pictures or None. validate: also check the model.
    """
    tree, pieces = {}, []
    if folders:
        found = [figures(folders[0], name) for name in [target, *compare]]
        tree = found[0] if len(found) == 1 else {"targets": found}
        pieces = report.tables(found[0])
        if compare:
            pieces.append(report.comparison(found))
        saved = ablation(folders[0], target)
        tree = tree | {"ablation": saved}
        pieces.append(report.ablation_table(saved, f"what each idea saves on {target}, per frame"))
        pieces.append(f"covers: {found[0]['covers']}")
    if plot is not None and folders:
        from vio.energy.plots import draw

        pieces += [f"picture in {path}" for path in draw(folders, target, plot)]
    if validate:
        from vio.energy.validate import check

        result, more = check(folders)
        tree, pieces = tree | {"validation": result}, pieces + more
    return tree, pieces
