"""Packed-lower Cholesky and triangular solves; all counts are polynomials in the dimension."""

from itertools import zip_longest

from vio.energy.actions import Op, Work
from vio.energy.memory import reused
from vio.energy.rows import Rows, uses

STATE = 15  # rows of one state in `solve.covariance`


class Dim:
    """Events that carry the dimension of a system, its square and its cube."""

    def __init__(self, one, two, three=None):
        self.events = one, two, three

    def rows(self, tensor, reads=(0, 0, 0), writes=(0, 0, 0)) -> list:
        """Rows for reads and writes given as coefficients of n, n^2, n^3."""
        pairs = zip_longest(self.events, reads, writes, fillvalue=0)
        return [Rows(event).add(tensor, r, w) for event, r, w in pairs if r or w]


def cholesky(dim, A) -> list:
    """`cholesky`: per row one scale, per entry itself, a pivot and a dot product of two rows.

    Columns that come out empty are billed as any other.
    """
    return dim.rows(A, (-1 / 3, 1, 1 / 3), (1 / 2, 1 / 2, 0))


def forward(dim, L, x) -> list:
    """`forward`: a pivot and a dot product per row."""
    half = (1 / 2, 1 / 2, 0)
    return dim.rows(L, half) + dim.rows(x, half, (1, 0, 0))


def backward(dim, L, x) -> list:
    """`backward`: a pivot per row, then its multiple off all rows above."""
    return dim.rows(L, (1 / 2, 1 / 2, 0)) + dim.rows(x, (0, 1, 0), (1 / 2, 1 / 2, 0))


def solve(dim, H, b, d) -> list:
    """`solve`: damp, factor, substitute twice."""
    start = dim.rows(H, (1, 0, 0), (1, 0, 0)) + dim.rows(b, (1, 0, 0)) + dim.rows(d, (), (1,))
    return start + cholesky(dim, H) + forward(dim, H, d) + backward(dim, H, d)


def covariance(event, L, out, n=STATE) -> list:
    """`covariance`: n columns, each substituted forth and back through the last block."""
    pairs = n * (n - 1) // 2
    return [Rows(event).add(L, 2 * pairs + 3 * n, 0, n).add(out, 2 * pairs + n, 2 * n, n)]


def kept(plan, tensor):
    """Pattern of a matrix worked on in place: a memory as large as it keeps it."""
    size = plan.size(tensor)

    def make(stage, name, event, *, reads, writes):
        return reused(stage, name, event, reads=reads, writes=writes, run=8, steps=[(size, 0, 0)])

    return make


def by_rows(plan, tensor, rows):
    """Pattern of a triangle worked on row by row: two rows at hand halve the products' reads.

    Args:
        tensor: with as many rows as `rows` has elements.
    """
    whole, row = plan.size(tensor), plan.size(rows)

    def make(stage, name, event, *, reads, writes):
        cube, square = event.endswith("3"), event.endswith("2")
        steps = [(2 * row, reads / 2 if cube else reads, writes)]
        # kept whole: each element comes in once, with the products, and what is written leaves
        steps.append((whole, 1 / 2 if square and reads >= 1 else 0, writes if square else 0))
        return reused(stage, name, event, reads=reads, writes=writes, run=8, steps=steps)

    return make


def model(plan) -> list:
    """Solving the reduced system, and the covariance of the newest state."""
    dim = Dim("solve_dim", "solve_dim2", "solve_dim3")
    rows = solve(dim, "system.H", "system.b", "system.d")
    rows += covariance("covariances", "system.H", "work.cov")
    how = {name: kept(plan, name) for name in ("system.b", "system.d")}
    return uses("solve", rows, how | {"system.H": by_rows(plan, "system.H", "system.d")})


def work(stage, one, two, three) -> list:
    """Arithmetic of a factorisation: a multiply-add per element of its dot products."""
    M, A, D, R = Op.MUL_F64, Op.ADD_F64, Op.DIV_F64, Op.SQRT_F64
    return [
        Work(stage, three, {M: 1 / 6, A: 1 / 6}),
        Work(stage, two, {M: 1, A: 1, D: 1 / 2}),
        Work(stage, one, {R: 1, D: 2}),
    ]
