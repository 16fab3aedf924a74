"""Own expressions: where their source lies. Nothing of them is run here."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OwnSource:
    """The file and function of an own expression, and the SHA-256 of the file."""

    path: Path
    function: str
    digest: str


def own_source(base: Path, expression: str) -> OwnSource:
    """Find `file.py:function`, the file relative to `base`.

    Raises
    ------
    ValueError
        The file cannot be read, is no Python, or defines no such function at its top level.
    """
    name, _, function = expression.rpartition(":")
    path = base / name
    try:
        content = path.read_bytes()
        tree = ast.parse(content)
    except OSError:
        raise ValueError(f"cannot read {path}") from None
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: is no Python: {error.msg}") from None
    except ValueError as error:
        raise ValueError(f"{path} is no Python: {error}") from None
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if function not in defined:
        known = ", ".join(defined) or "none"
        raise ValueError(f"{path} defines no function `{function}` (it defines: {known})")
    return OwnSource(path, function, hashlib.sha256(content).hexdigest())
