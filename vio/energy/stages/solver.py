"""Packed-lower Cholesky and triangular solves; all counts are polynomials in the dimension."""

from itertools import zip_longest

from vio.energy.actions import Op, Work
from vio.energy.memory import reused
from vio.energy.rows import Rows, uses

OTHERS = ("solve_free", "cov", "held_rows", "solves", "prior_calls", "marginalised")
"""Events of a call that has other events for its dimension: elements come in with those."""


class Dim:
    """Events that carry the dimension of a system, its square and its cube."""

    def __init__(self, one, two, three=None):
        self.events = one, two, three

    def rows(self, tensor, reads=(0, 0, 0), writes=(0, 0, 0)) -> list:
        """Rows for reads and writes given as coefficients of n, n^2, n^3."""
        pairs = zip_longest(self.events, reads, writes, fillvalue=0)
        return [Rows(event).add(tensor, r, w) for event, r, w in pairs if r or w]


def one_more(plan) -> bool:
    """Whether systems have one row more than a multiple of three, for the calibration."""
    return plan.shapes["slots.calibration"][0] % 3 == 1


def cholesky(dim, A, scale, last, panel="work.panel") -> list:
    """`cholesky`: per three columns the diagonal block, the panel, and the triangle behind it.

    The triangles hold n^3 / 18 - n^2 / 6 entries in all, the panels n^2 / 2 - 3 n / 2. Columns
    that come out empty are billed as any other.

    Args:
        last: event of a call if its system has one row more than a multiple of three, or None.
    """
    rows = [Rows(last).add(A, 10 / 9, 1 / 9).add(panel, 1 / 3, 1)] if last else []
    rows += dim.rows(A, (3 / 2, 1 / 3, 1 / 18), (1 / 2, 1 / 3, 1 / 18))
    rows += dim.rows(scale, (1,), (1,))
    return rows + dim.rows(panel, (0, -1 / 2, 1 / 6), (-3 / 2, 1 / 2))


def forward(dim, L, x) -> list:
    """`forward`: a pivot and a dot product per row."""
    half = (1 / 2, 1 / 2, 0)
    return dim.rows(L, half) + dim.rows(x, half, (1, 0, 0))


def backward(dim, L, x) -> list:
    """`backward`: a pivot per row, then its multiple off all rows above."""
    return dim.rows(L, (1 / 2, 1 / 2, 0)) + dim.rows(x, (3 / 2, 1 / 2, 0), (1 / 2, 1 / 2, 0))


def solve(dim, free, H, b, d, last) -> list:
    """`solve`: damp, factor, substitute forth, and back for the rows that are free."""
    start = dim.rows(H, (1, 0, 0), (1, 0, 0)) + dim.rows(b, (1, 0, 0)) + dim.rows(d, (), (1,))
    return start + cholesky(dim, H, d, last) + forward(dim, H, d) + backward(free, H, d)


def covariance(dim, L, out) -> list:
    """`covariance`: every column substituted forth and back through the last block."""
    return dim.rows(L, (0, 2, 1)) + dim.rows(out, (0, 0, 1), (0, 2, 0))


def held_back(dim, L, d, step) -> list:
    """`held_back` after its `covariance`: substituted back."""
    return dim.rows(L, (1 / 2, 1 / 2)) + dim.rows(d, (1,)) + dim.rows(step, (-1 / 2, 1 / 2), (1,))


def kept(plan, tensor):
    """Pattern of a matrix worked on in place: a memory as large as it keeps it."""
    size = plan.size(tensor)

    def make(stage, name, event, *, reads, writes):
        return reused(stage, name, event, reads=reads, writes=writes, run=8, steps=[(size, 0, 0)])

    return make


def triangle(plan, tensor):
    """Pattern of a triangle worked on row by row.

    Kept whole, each element comes in once and what is written leaves once: half the square of the
    dimension and half the dimension. To be used on rows that are `merged`.
    """

    def make(stage, name, event, *, reads, writes):
        once = 0 if event.endswith("3") or event.startswith(OTHERS) else 1 / 2
        steps = [(plan.size(tensor), min(reads, once), min(writes, once))]
        return reused(stage, name, event, reads=reads, writes=writes, run=8, steps=steps)

    return make


def merged(rows) -> list:
    """One Rows for each event."""
    out = {}
    for item in rows:
        for tensor, (reads, writes) in item.counts.items():
            out.setdefault(item.event, Rows(item.event)).add(tensor, reads, writes)
    return list(out.values())


def model(plan) -> list:
    """Solving the reduced system, and the covariance of the newest state."""
    dim = Dim("solve_dim", "solve_dim2", "solve_dim3")
    free, last = Dim("solve_free", "solve_free2"), "solves" if one_more(plan) else None
    rows = solve(dim, free, "system.H", "system.b", "system.d", last)
    rows += covariance(Dim("covariances", "cov_squares", "cov_cubes"), "system.H", "work.small")
    rows += held_back(Dim("held_rows", "held_rows2"), "system.H", "system.d", "work.small")
    how = {name: kept(plan, name) for name in ("system.b", "system.d", "work.panel")}
    return uses("solve", merged(rows), how | {"system.H": triangle(plan, "system.H")})


def work(stage, one, two, three) -> list:
    """Arithmetic of a factorisation: a multiply-add per element of its dot products."""
    M, A, D, R = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64, Op.SQRT_F64
    return [
        Work(stage, three, {M: 1 / 6, A: 1 / 6}),
        Work(stage, two, {M: 1, A: 1, D: 1 / 2}),
        Work(stage, one, {R: 1, D: 2}),
    ]
