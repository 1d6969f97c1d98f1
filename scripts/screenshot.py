"""Draws the workbench's areas from a real workspace as SVG pictures for the README.

`python scripts/screenshot.py --workspace demo --out docs` writes `home.svg`, `jobs.svg`, `results.svg` and `users.svg`.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from store.workspace import Workspace, workspace_folder
from workbench.application import Workbench

PICTURES = {"home": (), "jobs": ("3",), "results": ("4", "l"), "users": ("5",)}


async def draw(workspace: Workspace, out: Path, size: tuple[int, int]) -> list[Path]:
    """One picture per area; the workspace is only read."""
    written = []
    for name, keys in PICTURES.items():
        app = Workbench(workspace, readonly=True)
        async with app.run_test(size=size) as pilot:
            for key in ("", *keys):
                if key:
                    await pilot.press(key)
                for _ in range(3):
                    await pilot.pause()
                    await app.workers.wait_for_complete()
            path = out / f"{name}.svg"
            path.write_text(app.export_screenshot(title="st5", simplify=True), encoding="utf-8")
            written.append(path)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-w", "--workspace", type=Path, help="folder of the workspace")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder for the pictures")
    parser.add_argument("--size", default="120x36", help="columns x rows of the terminal")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    options.out.mkdir(parents=True, exist_ok=True)
    for path in asyncio.run(
        draw(Workspace(workspace_folder(options.workspace)), options.out, (int(width), int(height)))
    ):
        print(path)


if __name__ == "__main__":
    main()
