"""The documentation: every link leads somewhere, every page is found, every command that it names is one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tune.cli import topknot

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_page_stands_in_the_sites_contents() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text)["nav"])))
    assert named == {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").glob("**/*.md")}


def test_every_command_is_in_the_readme_and_every_command_in_the_docs_is_one() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in topknot.commands if f"`{name}" not in readme and f"topknot {name}" not in readme] == []
    named = {
        name
        for page in PAGES
        for line in re.findall(r"^    .*topknot .*$", page.read_text(encoding="utf-8"), re.MULTILINE)
        for name in re.findall(r"\btopknot ([a-z]+)\b(?! &&)", line)
    }
    assert named - set(topknot.commands) - {"search"} == set()


def test_the_shell_can_complete_commands() -> None:
    program = Path(sys.executable).with_name("topknot")
    environment = {"_TOPKNOT_COMPLETE": "bash_complete", "COMP_WORDS": "topknot ex", "COMP_CWORD": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,export\n"
