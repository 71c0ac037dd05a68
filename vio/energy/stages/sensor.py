"""The images' way in: the link, and the memory that keeps a frame for the patches read from it."""

from vio.energy.memory import sequential


def uses(plan) -> list:
    """Pixels written to the frame memory as they arrive."""
    return [
        sequential("sensor", f"image{cam}", f"cam{cam}", writes=plan.pixels)
        for cam in range(plan.cameras)
    ]


def work(plan) -> list:
    """No arithmetic."""
    return []
