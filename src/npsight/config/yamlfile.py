"""YAML with a memory of lines: the values, and the line each key stands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from npsight.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """Parsed content; `lines` maps a path of keys to the line (from 1) it stands on."""

    path: Path
    content: dict[str, Any]
    lines: dict[KeyPath, int]
    duplicates: tuple[KeyPath, ...]

    def where(self, key: KeyPath) -> str:
        """`file:line` of the key, or of its nearest parent that is written in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path.name}:{self.lines.get(key, 1)}"


def read_yaml(path: Path) -> YamlFile:
    """Read one mapping from a YAML file.

    Raises
    ------
    ConfigError
        The file is missing, is no text, is no valid YAML, or is no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _unreadable(path, "no such file", "give the path of a project file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, f"cannot be read as text ({error})", "check the file") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "not YAML"
        raise _unreadable(
            path, f"not valid YAML{line}: {reason}", "check indentation and quotes there"
        ) from None
    except ValueError as error:
        # A date that no calendar has, such as 2024-02-30.
        raise _unreadable(
            path, f"not valid YAML: {error}", "correct that value, or quote it"
        ) from None
    if not isinstance(content, dict):
        raise _unreadable(path, "holds no settings", "start from `npsight init --from DIR`")
    lines: dict[KeyPath, int] = {}
    duplicates: list[KeyPath] = []
    try:
        _walk(root, (), lines, duplicates)
    except RecursionError:
        raise _unreadable(
            path, "an anchor (`&name`) holds itself", "write the values out instead"
        ) from None
    return YamlFile(path, content, lines, tuple(duplicates))


def _unreadable(path: Path, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{path}: cannot be used", [Problem(what, remedy, str(path))])


def _walk(
    node: yaml.Node | None, at: KeyPath, lines: dict[KeyPath, int], duplicates: list[KeyPath]
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            path = (*at, str(key_node.value))
            if path in lines:
                duplicates.append(path)
            lines[path] = key_node.start_mark.line + 1
            _walk(value_node, path, lines, duplicates)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            path = (*at, index)
            lines[path] = item.start_mark.line + 1
            _walk(item, path, lines, duplicates)
