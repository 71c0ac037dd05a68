"""The cap on the arena: a configuration that does not fit is refused before the first frame."""

from vio.memory.arena import arena_bytes
from vio.memory.roles import role
from vio.types import VioError


def check_budget(ledger, budget_bytes: int):
    """Refuse a ledger larger than the budget.

    Args:
        ledger: Buffers. budget_bytes: cap [B], 0 = none.

    Raises:
        VioError: it does not fit; names the largest buffers and what makes each smaller.
    """
    total = arena_bytes(ledger)
    if budget_bytes == 0 or total <= budget_bytes:
        return
    largest = sorted(ledger, key=lambda b: -b.bytes)[:3]
    advice = "; ".join(f"{b.name} {b.bytes} B (turn down {role(b.name).smaller})" for b in largest)
    raise VioError(
        f"the arena takes {total} B, memory.budget_bytes allows {budget_bytes} B;"
        f" largest buffers: {advice}"
    )
