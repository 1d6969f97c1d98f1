"""Draws every area of the workbench, and the layers over it, from a real workspace.

`python -m scripts.screenshot --workspace demo` writes the SVG files of `docs/workbench`. The workspace is only read.
The same workspace gives the same pictures, but for the memory and milliseconds that a warm model says it took.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from scripts.pictures import PICTURES, Picture
from scripts.stage import Stage, lines
from scripts.subject import Missing, Subject
from store.errors import Problem
from store.workspace import DEFAULT, Workspace, workspace_folder
from workbench.application import Workbench
from workbench.ui.problem import ProblemDialog

OUT = Path(__file__).resolve().parents[1] / "docs" / "workbench"


async def draw(picture: Picture, subject: Subject) -> str:
    """The picture as SVG; `Missing` where the workspace does not hold what it is of."""
    remembered = picture.ui_state(subject)
    app = Workbench(subject.workspace, readonly=True, settings=picture.settings)
    app.ui_state = remembered
    async with app.run_test(size=picture.size) as pilot:
        stage = Stage(app, pilot)
        await stage.settle()
        await picture.way(stage, subject)
        drawn, problem = stage.picture(), isinstance(app.screen, ProblemDialog)
    if problem or picture.words not in "\n".join(lines(drawn)):
        raise Missing(f"the screen is not that with {picture.words!r} but\n" + "\n".join(lines(drawn)))
    return drawn


def draw_all(subject: Subject, pictures: tuple[Picture, ...], out: Path) -> list[str]:
    """Write the pictures; returns a sentence for each that could not be drawn."""
    left_out = []
    for picture in pictures:
        path = out / f"{picture.name}.svg"
        with tempfile.TemporaryDirectory() as nothing, chdir(nothing if picture.empty else "."):
            shown = Subject(Workspace(DEFAULT)) if picture.empty else subject
            try:
                path.write_text(asyncio.run(draw(picture, shown)), encoding="utf-8")
            except (Missing, Problem, TimeoutError) as error:
                left_out.append(f"{path.name} is not drawn: {error}")
                print(left_out[-1], file=sys.stderr)
                continue
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return left_out


def main() -> int:
    """Draw the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-w", "--workspace", type=Path, help="folder of the workspace; else $ST5_WORKSPACE")
    parser.add_argument("--dataset", default="", help="of which Data, Results and Users show most; else the best known")
    parser.add_argument("--models", default="", help="the two compared, such as final,only; else chosen")
    parser.add_argument("--only", default="", help="names of pictures, comma-separated; else all")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the pictures")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    unknown = set(wanted) - {picture.name for picture in PICTURES}
    if unknown:
        parser.error(f"no such picture: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PICTURES)}")
    out, folder = options.out.resolve(), workspace_folder(options.workspace).resolve()
    if not Workspace(folder).exists():
        parser.error(f"{folder}: no workspace here (no st5.db)")
    out.mkdir(parents=True, exist_ok=True)
    os.environ.pop("NO_COLOR", None)
    os.chdir(folder.parent)  # so that the pictures say the folder's name, and not where it is on this machine
    models = tuple(name for name in options.models.split(",") if name)
    subject = Subject(Workspace(Path(folder.name)), options.dataset, models)
    pictures = tuple(picture for picture in PICTURES if not wanted or picture.name in wanted)
    left_out = draw_all(subject, pictures, out)
    print(f"{len(pictures) - len(left_out)} of {len(pictures)} pictures are drawn.", file=sys.stderr)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
