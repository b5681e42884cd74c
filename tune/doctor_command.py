"""The command that looks before a search: doctor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tune.options import given, settings_options
from tune.output import prepare, print_json, stdout

MARKS = {"pass": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red")}


@click.command()
@settings_options
@click.option("--config", type=click.Path(path_type=Path), help="A YAML file of settings; flags win over it")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object a check")
def doctor(config: Path | None, as_json: bool, **flags: Any) -> None:
    """Look whether a search would run well.

    Takes the flags of the search to come; each line passes or says what to do.

    Exits with 1 if a check fails.
    """
    from tune.settings_file import read_settings

    settings = read_settings(config, given(flags))
    prepare()
    from tune.doctor.examination import examine

    findings = examine(settings)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            mark, style = MARKS[finding.state]
            told = Text(finding.told)
            if finding.fix:
                told.append(f"\n→ {finding.fix}", "dim")
            table.add_row(Text(mark, style), finding.check, told)
        stdout().print(table)
    if any(finding.state == "fail" for finding in findings):
        sys.exit(1)
