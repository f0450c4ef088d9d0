"""``cordbook release``: check, freeze, archive; say how to commit and tag."""

from __future__ import annotations

import argparse
import shlex

from cordbook.errors import CordbookError, UsageError


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "release",
        help="freeze a version: its estimates, manifest, changelog entry and archive",
        description="Check that the book may be released, freeze every estimate in releases/X.Y.Z/, write the changelog "
        "entry, set the version, and make dist/NAME-X.Y.Z.zip. Commits and tags nothing: it prints the commands.",
        epilog="major: question, eligibility or method changed. minor: evidence added or removed (below 1.0.0 both raise the "
        "second number). patch: a correction that moves no conclusion. A step that is too small is refused. "
        "Exit code 1: refused, for all reasons that are listed.",
    )
    parser.add_argument("version", metavar="X.Y.Z", nargs="?", help="the version to release")
    parser.add_argument(
        "--propose", action="store_true", help="release nothing: say which version comes next, the step and why; builds nothing"
    )
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="its date; by default that of SOURCE_DATE_EPOCH, else today's")
    parser.add_argument("--allow-same", action="store_true", help="release although no estimate has changed")
    parser.add_argument(
        "--protocol-same",
        action="store_true",
        help="the protocol was only reworded: question, eligibility and method are the same",
    )
    parser.add_argument(
        "--begin",
        action="store_true",
        help="release nothing: set the package to X.Y.Z.dev0, for the work that leads to this version",
    )
    parser.set_defaults(run=run, exit_codes={CordbookError: 1})


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.evidence.review_state import load_status
    from cordbook.publish.release.proposal import propose
    from cordbook.publish.release.release import Asked, date_asked, release, set_development
    from cordbook.review.versions.releases import Version

    project = find_project()
    if options.propose:
        if options.version or options.begin:
            raise UsageError("--propose says which version comes next: leave out X.Y.Z and --begin")
        found = propose(project, protocol_same=options.protocol_same)
        print(found.describe())
        return 1 if found.version is None else 0
    if not options.version:
        raise UsageError("name the version to release, as in cordbook release 0.2.0; --propose says which comes next")
    if options.begin:
        print(f"set to {options.version}.dev0: {', '.join(set_development(project, options.version))}")
        return 0
    asked = Asked(Version.parse(options.version), date_asked(options.date), options.allow_same, options.protocol_same)
    done = release(project, asked)
    version = str(done.version)
    print(
        f"\nVersion {version} ({done.step.name}: {'; '.join(done.step.reasons)})\n"
        f"  written: {len(done.files)} file(s), releases/{version}/ among them\n"
        f"  archive: {done.archive.path}\n"
        f"           {done.archive.size:,} bytes, SHA-256 {done.archive.sha256}\n\n"
        "Nothing is committed. Read the changelog entry, then:\n"
        "  git add --all\n"
        f"  git commit --message {shlex.quote(f'Release {version}')}\n"
        f"  git tag --annotate v{version} --message {shlex.quote(f'{load_status(project.data).name} {version}')}\n"
        f"To make the same archive in another clone: cordbook archive {version}"
    )
    return 0
