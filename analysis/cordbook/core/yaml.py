"""YAML read by libyaml where PyYAML has it: ten times as fast as in Python, and every kernel reads some of it.

Plain values only, no deeper than people write, few references back, each key once: what is beyond is an error with its line, never a crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from yaml.error import MarkedYAMLError

from cordbook.core.trust.regular import read_text
from cordbook.errors import CordbookError, InputError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Beyond this depth the parser's own recursion might end the process.
DEEPEST = 60
#: References back to an earlier part; a handful of lines of them can stand for millions of values.
MOST_ALIASES = 50
#: What the constructor lets through where a tag and its text do not fit, as in 2026-13-45.
_UNMADE = (ValueError, TypeError, OverflowError, RecursionError, AttributeError)
_UNMADE_OR_LOST = (*_UNMADE, LookupError)
_BEGINS = (yaml.events.SequenceStartEvent, yaml.events.MappingStartEvent)
_ENDS = (yaml.events.SequenceEndEvent, yaml.events.MappingEndEvent)


def load_yaml(text: str) -> Any:
    """The content of a YAML text, plain values only; raises ``yaml.YAMLError``.

    >>> load_yaml("a: [1, yes]")
    {'a': [1, True]}
    """
    return _constructed(_composed(text))


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; raises ``yaml.YAMLError`` also for one that is not UTF-8 text, ``OSError`` for one that cannot be opened."""
    return load_yaml(yaml_text(path))


def yaml_text(path: Path) -> str:
    """The text of a YAML file, as :func:`read_yaml` takes it."""
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        raise yaml.YAMLError(f"not UTF-8 text (byte {error.start}); save it as UTF-8") from None


@contextmanager
def declared(path: Path, error: type[InputError], purpose: str = "") -> Iterator[None]:
    """Whatever is wrong with a declared file while it is read and frozen becomes ``error``, with file, line and cause; ``purpose`` is what it is for."""
    try:
        yield
    except CordbookError:
        raise
    except FileNotFoundError:
        raise error(f"{path}: not found{purpose and f'; {purpose}'}") from None
    except OSError as refused:
        raise error(f"{path.name}: cannot be opened ({refused.strerror or refused})") from None
    except yaml.YAMLError as broken:
        line = line_of_error(broken)
        raise error(f"{path.name}{f', line {line}' if line else ''}: not valid YAML: {why(broken)}") from None
    except _UNMADE_OR_LOST as other:
        # A number where a text belongs, a list where keys belong: the code that asked is not the one to know all that can stand there.
        raise error(f"{path.name}: a value is of another kind than belongs there ({type(other).__name__}: {other})") from other


def line_of(text: str, *names: str) -> int | None:
    """The line, counted from 1, at which a YAML text names something: the last of ``names`` that is a key or value there; None for none.

    The first name is looked for everywhere, each further one behind it.

    >>> line_of("- id: a\\n  down: 1\\n- id: b\\n  down: 5\\n", "b", "down")
    4
    """
    try:
        found = list(_scalars(_composed(text)))
    except yaml.YAMLError:
        return None
    at, line = 0, None
    for name in names:
        place = next((n for n in range(at, len(found)) if found[n][0] == name), None)
        if place is not None:
            at, line = place + 1, found[place][1]
    return line


def line_of_error(error: yaml.YAMLError) -> int | None:
    """The line of an error, counted from 1, where it has one."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return None if mark is None else mark.line + 1


def why(error: yaml.YAMLError) -> str:
    """What an error says, in one line and without its place.

    >>> try: load_yaml("a: [1")
    ... except yaml.YAMLError as error: print(why(error)[:20])
    did not find expecte
    """
    return " ".join(str(getattr(error, "problem", None) or error).split())


def _composed(text: str) -> Any:
    _look_at_events(text)
    loader = _LOADER(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _look_at_events(text: str) -> None:
    """Refuse a text whose tree would be too deep or too large, before any tree is made of it."""
    depth = aliases = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, _BEGINS) - isinstance(event, _ENDS)
            aliases += isinstance(event, yaml.events.AliasEvent)
            if depth > DEEPEST or aliases > MOST_ALIASES:
                what = f"more than {DEEPEST} levels" if depth > DEEPEST else f"more than {MOST_ALIASES} references back (*name)"
                mark: Any = event.start_mark
                raise MarkedYAMLError(problem=f"{what}, which no file of a review needs", problem_mark=mark)
    except (UnicodeEncodeError, RecursionError) as error:
        raise yaml.YAMLError(f"a character or a depth that cannot be read ({type(error).__name__})") from None


def _constructed(node: Any) -> Any:
    if node is None:
        return None
    for mapping in _nodes(node, yaml.MappingNode):
        _look_at_keys(mapping)
    # Values are made by the constructor of the safe loader, whatever has parsed the text.
    try:
        return yaml.constructor.SafeConstructor().construct_document(node)
    except _UNMADE as error:
        raise MarkedYAMLError(problem=f"a value that cannot be read ({error})", problem_mark=_unmade(node).start_mark) from None


def _unmade(node: Any) -> Any:
    """The first value of a tree that cannot be made; the tree itself where it is none of them."""
    for value in _nodes(node, yaml.ScalarNode):
        try:
            yaml.constructor.SafeConstructor().construct_document(value)
        except _UNMADE:
            return value
        except yaml.YAMLError:
            continue
    return node


def _nodes(node: Any, kind: type) -> Iterator[Any]:
    """All nodes of a kind in a tree, each once though references lead to it again."""
    left, seen = [node], set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, kind):
            yield node
        left += reversed(_parts(node))


def _parts(node: Any) -> list[Any]:
    """The nodes that a node holds, in their order."""
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _look_at_keys(mapping: Any) -> None:
    """Refuse a key that appears twice: of two values one would be lost without a word."""
    seen: set[tuple[str, str]] = set()
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                raise MarkedYAMLError(
                    problem=f"the key {key.value!r} appears twice; keep one of them", problem_mark=key.start_mark
                )
            seen.add((key.tag, key.value))


def _scalars(node: Any) -> Iterator[tuple[str, int]]:
    """Texts of a tree in their order with their lines."""
    left = [node] if node is not None else []
    seen: set[int] = set()
    while left:
        node = left.pop()
        if isinstance(node, yaml.ScalarNode):
            yield node.value, node.start_mark.line + 1
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        left += reversed(_parts(node))
