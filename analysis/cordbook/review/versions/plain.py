"""Say in plain words what changed an estimate, for readers of the page of changes: which studies came, went or were corrected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cordbook.core.text import enumerate_words
from cordbook.review.versions.causes import ADDED, CORRECTED, REMOVED, Cause
from cordbook.review.versions.diff import EstimateChange

#: Studies that are named one by one in a sentence.
_NAMED = 8
#: A row of a study that counts now, or no longer, because its own state or its declaration changed.
_IN, _OUT = "in", "out"
_POOLABLE = "poolable"


def change_in_plain_words(change: EstimateChange, labels: Mapping[str, str]) -> str:
    """One estimate before and after, and why, in two or three sentences.

    ``labels`` are those of studies by id. A change of settings is said to be one of method: it moves numbers without new evidence.
    """
    return " ".join([_numbers(change), *_why(change.causes, labels)])


def unchanged_in_plain_words(title: str) -> str:
    """An estimate that no change has touched."""
    return f"{title}: as before."


def _numbers(change: EstimateChange) -> str:
    if change.before is None or change.after is None:
        return f"{change.title}: {'new' if change.before is None else 'no longer given'}."
    before, after = (f"{e.words['full']}" for e in (change.before, change.after))
    return f"{change.title}: {before} before, {after} now." if before != after else f"{change.title}: as before, {after}."


def _why(causes: Iterable[Cause], labels: Mapping[str, str]) -> list[str]:
    found: dict[str, dict[str, None]] = {"came": {}, "went": {}, "mended": {}}
    method = program = False
    for cause in causes:
        method |= cause.kind in ("setting", "rule")
        program |= cause.kind == "program"
        if cause.table not in ("outcomes", ""):
            continue
        study = cause.key.partition(".")[0]
        if place := _place(cause):
            found[place].setdefault(labels.get(study, study))
    # A study of which a row came and a row went counts otherwise than before: that is a correction.
    both = [study for study in found["came"] if study in found["went"]]
    found["mended"] |= dict.fromkeys(both)
    for place in ("came", "went"):
        found[place] = {study: None for study in found[place] if study not in found["mended"]}
    sentences = [
        f"{words} {_named(found[place])}."
        for place, words in (
            ("came", "Newly counted:"),
            ("went", "No longer counted:"),
            ("mended", "Counted otherwise, after a correction:"),
        )
        if found[place]
    ]
    if method or program:
        more = "the way of computing changed" if method else "it was computed by another version of the program"
        sentences.append(f"{'Also, ' if sentences else 'No evidence changed; '}{more}.")
    return sentences


def _place(cause: Cause) -> str:
    if cause.kind in (ADDED, _IN):
        return "came"
    if cause.kind in (REMOVED, _OUT):
        return "went"
    if cause.kind == CORRECTED and cause.column == _POOLABLE:
        return "came" if cause.after == "yes" else "went"
    return "mended" if cause.kind == CORRECTED else ""


def _named(studies: Iterable[str]) -> str:
    names = list(studies)
    shown = names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return enumerate_words(shown)
