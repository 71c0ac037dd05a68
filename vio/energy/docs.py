"""The table of constants in docs/energy.md, generated from the targets' files."""

from vio.energy import table
from vio.types import VioError

BEGIN, END = "<!-- constants: generated, do not edit -->", "<!-- end of constants -->"


def constants() -> str:
    """Markdown: one table per target."""
    lines = [BEGIN]
    for name in table.names():
        target = table.load(name)
        lines += ["", f"### {name}", "", f"{target.title}. Covers {target.covers}.", ""]
        lines += [
            "| constant | as printed | unit | node [nm] | width [bit] | factor | scaling"
            " | uncertainty | source |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for c in target.constants.values():
            lines.append(
                f"| `{c.key}` | {c.printed} | {c.unit} | {c.node_nm} | {c.width_bits} | {c.factor}"
                f" | {c.scaling} | {100 * c.uncertainty:.0f} % | {c.source} |"
            )
    return "\n".join([*lines, "", END])


def renewed(page: str) -> str:
    """The page with the table brought up to date; VioError if it has no place for one."""
    if BEGIN not in page or END not in page:
        raise VioError(f"no place for the table in that page; it stands between {BEGIN} and {END}")
    head, _, rest = page.partition(BEGIN)
    return head + constants() + rest.partition(END)[2]
