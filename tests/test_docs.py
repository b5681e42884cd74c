"""The documentation: every link leads somewhere, every page is found, every command line is one that would be run."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click
import pytest
import yaml

from tune.cli import topknot
from tune.options import given
from tune.settings_file import read_settings

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


def command_lines(page: Path) -> Iterator[tuple[list[str], bool]]:
    """Yields the words of each command in a page's blocks and sentences, and whether it stood in a block."""
    for line in re.findall(r"^ {4}\S.*$|`[^`\n]+`", page.read_text(encoding="utf-8"), re.MULTILINE):
        in_block = line.startswith(" ")
        try:
            words = shlex.split(line.strip(" `"), comments=True)
        except ValueError:
            continue  # a part of a sentence, or of a list
        for between, command in groupby(words, {"|", "||", "&", "&&", ";", ">", "{", "}", "--"}.__contains__):
            if not between:
                yield list(command), in_block


def arguments(page: Path, words: list[str]) -> list[str] | None:
    """What stands after the name of our program; None if it is another one. In the README's table it is left out."""
    if words[:3] == ["python", "-m", "tune"]:
        return words[3:]
    if words[0].removeprefix(".venv/bin/") == "topknot":
        return words[1:]
    return words if page.name == "README.md" and words[0] in topknot.commands else None


TOLD = [
    pytest.param(told, in_block, id=f"{page.relative_to(ROOT)}: {' '.join(told)}")
    for page in PAGES
    if page.name != "CHANGELOG.md"
    for words, in_block in command_lines(page)
    if (told := arguments(page, words))
]
FOR_EXAMPLE = {"N": "3", "...": "auto", "URL": "sqlite"}


@pytest.mark.parametrize(("told", "in_block"), TOLD)
def test_a_command_line_is_one(told: list[str], in_block: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("jobs.yaml", "search.yaml"):
        Path(name).touch()
    words = [FOR_EXAMPLE.get(word, word) for word in told]
    if told[1:2] == ["..."]:
        del words[1]  # other flags
    try:
        _, command, rest = topknot.resolve_command(click.Context(topknot), words)
        assert command
        flags = command.make_context(words[0], rest).params
    except click.MissingParameter:
        assert not in_block  # a sentence names the command alone
    except click.exceptions.Exit:
        assert told[-1] == "--help"
    else:
        if words[0] in {"search", "doctor"}:
            settings = {name: value for name, value in flags.items() if name not in {"config", "print_config", "as_json"}}
            read_settings(flags["config"], given(settings))


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in topknot.commands if f"`{name}" not in readme and f"topknot {name}" not in readme] == []


def test_benchmarks_and_what_make_makes_are_called_as_they_can_be() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for words in [words for page in PAGES for words, _ in command_lines(page)]:
        if words[0] == "python" and words[1].startswith("benchmarks/"):
            code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / words[1], *ROOT.glob("benchmarks/*/*.py")))
            flags = [word.removeprefix("--") for word in words if word.startswith("--")]
            assert [flag for flag in flags if not re.search(rf'"(--)?{flag}"', code)] == [], words
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words


def test_what_the_python_page_shows_is_there_with_a_docstring() -> None:
    for name in re.findall(r"^::: (\S+)$", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.MULTILINE):
        module, _, member = name.rpartition(".")
        assert getattr(importlib.import_module(module), member).__doc__, name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_for_a_shell_makes_it_complete_commands(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"NOT TESTED: completion in {shell}; it is not installed")
    (line,) = [
        line.split("#")[0].strip()
        for line in (ROOT / "docs/start.md").read_text(encoding="utf-8").splitlines()
        if f"{shell}_source" in line
    ]
    asked = {
        "bash": "COMP_WORDS=(topknot ex); COMP_CWORD=1; _topknot_completion topknot ex topknot; echo ${COMPREPLY[@]}",
        "zsh": "echo ${_comps[topknot]}",
        "fish": "complete -C 'topknot ex'",
    }[shell]
    begin = "autoload -U compinit; compinit -D; " if shell == "zsh" else ""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [shell, "-c", f"{begin}{line}\n{asked}"], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] == {"zsh": "_topknot_completion"}.get(shell, "export"), done.stderr
