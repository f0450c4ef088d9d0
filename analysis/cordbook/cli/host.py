"""``cordbook host``: lay out the folder for a host, every release in its place."""

from __future__ import annotations

import argparse
from pathlib import Path

from cordbook.errors import CordbookError


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "host",
        help="lay out the folder for a host: the newest release, and every release under vX.Y.Z/",
        description="Unpack the archive of every release into FOLDER: the newest at its root, each one in vX.Y.Z/. "
        "Every byte of an archive is checked first; one that is missing is made from the commit of its release. Readers can go from one version to another, and are told in an "
        "old one that a newer exists.",
        epilog="Example: cordbook host public, then copy public/ to the host. "
        "Exit code 0: done; 1: nothing was written, for the reasons listed; 2: wrong usage.",
    )
    text = "an empty or new folder, or one that this command has made before"
    parser.add_argument("folder", metavar="FOLDER", type=Path, help=text)
    parser.add_argument("--archives", metavar="DIR", type=Path, help="where the archives are (default: dist/ of the project)")
    parser.set_defaults(run=run, exit_codes={CordbookError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.publish.hosting.host import host

    project = find_project()
    versions = host(project, options.folder.resolve(), options.archives or project.root / "dist")
    folders = ", ".join(f"v{v}/" for v in versions)
    print(f"{options.folder}: version {versions[-1]} at the root; in folders of their own: {folders}")
    return 0
