"""`st5 doctor`: what is here, what is missing, how to get it."""

from __future__ import annotations

from dataclasses import asdict

from engine.commands.options import JsonOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, print_table


def doctor(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Look at versions, devices, workspace, locks and terminal.

    Example: st5 doctor
    """
    from engine.doctor import examine

    findings = list(examine(open_workspace(workspace)))
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return
    print_table(
        ["", "what", "found", "what to do"],
        [(f.topic, f.name, f.value if f.good else f"! {f.value}", "" if f.good else f.remedy) for f in findings],
    )
