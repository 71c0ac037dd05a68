"""What the repository says about itself agrees with itself."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

import vio
from vio.config import docs_table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_configuration_page_is_current():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == docs_table(), "run: vio info --config-table > docs/configuration.md"


def test_memory_page_is_current():
    from vio.footprint import markdown
    from vio.sim.rig import euroc_rig

    page = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")
    table = page.partition("<!-- profiles -->\n")[2].partition("<!-- end -->")[0]
    assert table == markdown(euroc_rig()), "put what vio memory --profiles prints there"


def test_readme_knows_the_size_of_the_arena():
    from vio.config import load
    from vio.memory.arena import arena_bytes
    from vio.odometry import ledger
    from vio.sim.rig import euroc_rig

    text = re.sub(r"\s+", " ", README)
    for profile, words in (("default", "one block of {} kB"), ("nano", "`--config nano` {} kB")):
        size = arena_bytes(ledger(euroc_rig(), load([profile])))
        assert words.format(round(size / 1000)) in text


def test_version_has_one_value():
    package = ET.parse(ROOT / "package.xml").getroot()
    assert package.find("version").text == vio.__version__
    assert f"## {vio.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_metadata_agrees():
    package = ET.parse(ROOT / "package.xml").getroot()
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    assert package.find("name").text == "vio" and (ROOT / "resource" / "vio").is_file()
    assert package.find("license").text in setup
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause")
    assert "[project]" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_readme_has_two_commands_and_ci_runs_them():
    steps = re.search(r"```sh\n(.*?)```", README, re.S).group(1).splitlines()
    assert len(steps) == 2
    assert steps[0].endswith("vio demo") and "pytest" in steps[1]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in ci and '"${steps[0]}"' in ci and '"${steps[1]}"' in ci


def test_readme_tree_names_what_exists():
    tree = README.partition("## Tree")[2]
    listed = set(re.findall(r"^ *(\w+)/ ", tree, re.M))
    folders = {p.name for p in (ROOT / "vio").iterdir() if (p / "__init__.py").is_file()}
    missing = folders - listed
    assert not missing, f"folders of vio/ without a line in the README: {missing}"


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_manifest_is_readable():
    tree = yaml.safe_load((ROOT / "datasets" / "manifest.yaml").read_text(encoding="utf-8"))
    assert len(tree["euroc"]["sequences"]) == 11
