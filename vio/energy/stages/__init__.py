"""One model per stage: what each of its events does to each tensor, and its arithmetic."""

from vio.energy.stages import frontend, imu, window


def uses(plan) -> list:
    """Every Use of the pipeline for a Plan."""
    return [use for module in (frontend, imu, window) for use in module.uses(plan)]


def work(plan) -> list:
    """Every Work of the pipeline for a Plan."""
    return [item for module in (frontend, imu, window) for item in module.work(plan)]
