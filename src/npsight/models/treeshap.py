"""Exact TreeSHAP of many rows at once: what a leaf adds is looked up, not computed row by row.

The game of a tree is the path-dependent one of Lundberg et al. (2020, "From local explanations to
global understanding with explainable AI for trees", Algorithm 1), which LightGBM's `pred_contrib`
uses too. Written leaf by leaf, over the features j on the leaf's path, it is

    v(S) = value · Π_{j in S} passed_j · Π_{j not in S} share_j,

where passed_j is 1 if the row goes the leaf's way at every split on j and else 0, and share_j is
the product, over those splits, of the share of training rows that went that way. The Shapley value
of j is the integral of the multilinear extension's slope along the diagonal (Owen 1972,
"Multilinear extensions of games"):

    value · (passed_j − share_j) · ∫₀¹ Π_{i ≠ j} (t · passed_i + (1 − t) · share_i) dt.

The integrand is a polynomial of a lower degree than the path has features, so a Gauss-Legendre sum
over half as many points is exact, and as every term is positive nothing cancels.

A row enters only by what it passed. Leaves are therefore joined to groups in which rows can fall
in few ways ("states"); a group's tables hold the contributions of every state.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from npsight.errors import ModelIntegrityError
from npsight.models.encoding import Matrix
from npsight.models.logits import Vector

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

MOST_STATES = 1024
"""Ways in which rows can fall in a group: more make fewer look-ups, in larger tables."""
MOST_FEATURES = 12
"""On a leaf's path; beyond, its 2^features cases are more than are worth a table."""
CHUNK_ROWS = 16_384
MOST_THREADS = 8
NEARLY_ZERO = float(np.float32(1e-35))
"""LightGBM reads numbers up to this far from 0 as 0."""
WRITTEN_FOR_INFINITE = 1e300


@dataclass(frozen=True)
class Leaf:
    """A leaf, and by feature on its path: the share of training rows, and who passes by bin."""

    value: float
    shares: dict[int, float]
    passes: dict[int, Flags]


class Part(Protocol):
    """A few leaves whose contributions are added together."""

    def add(self, bins: Mapping[int, Places], out: Matrix) -> None:
        """Add to `out`, shape (features, rows); `bins` gives each feature's bin of each row."""


@dataclass(frozen=True)
class Group:
    """Leaves in tables: a row's place is the sum, over the features, of what its bin adds to it.

    `steps[i]` has shape (bins,), `tables[i]` shape (states,), both of `features[i]`.
    """

    features: tuple[int, ...]
    steps: tuple[Places, ...]
    tables: tuple[Vector, ...]

    def add(self, bins: Mapping[int, Places], out: Matrix) -> None:
        """See `Part`."""
        place = np.zeros(out.shape[1], dtype=np.intp)
        for feature, step in zip(self.features, self.steps, strict=True):
            place += step.take(bins[feature], mode="clip")
        for feature, table in zip(self.features, self.tables, strict=True):
            out[feature] += table.take(place, mode="clip")


@dataclass(frozen=True)
class WideLeaf:
    """A leaf with so many features on its path that a table would be larger than any batch."""

    leaf: Leaf

    def add(self, bins: Mapping[int, Places], out: Matrix) -> None:
        """See `Part`."""
        leaf = self.leaf
        passed = np.stack([flags[bins[feature]] for feature, flags in leaf.passes.items()])
        added = leaf.value * shapley(np.array([*leaf.shares.values()]), passed)
        for feature, values in zip(leaf.shares, added, strict=True):
            out[feature] += values


@dataclass(frozen=True)
class TreeTables:
    """A boosted model made ready to explain batches; it never changes, threads may share it.

    `edges[f]` are the upper ends of feature f's bins, ascending, the last infinite; the bin after
    them is that of NaN. Numbers of one bin fall alike at every split.
    """

    base: float
    edges: dict[int, Vector]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, dumped: Mapping[str, Any]) -> TreeTables | None:
        """From `Booster.dump_model()`; None for a kind of model that has no such game.

        That is one of several classes, a mean of trees, linear leaves, or leaves that no
        training row is known to have reached.
        """
        roots = [tree["tree_structure"] for tree in dumped["tree_info"]]
        if dumped["num_tree_per_iteration"] != 1 or dumped.get("average_output"):
            return None
        if not all(_known(node) for root in roots for node in _nodes(root)):
            return None
        edges = _edges(node for root in roots for node in _nodes(root))
        leaves = [leaf for root in roots for leaf in _leaves(root, edges)]
        base = sum(leaf.value * prod(leaf.shares.values()) for leaf in leaves)
        return cls(float(base), edges, tuple(_parts(leaf for leaf in leaves if leaf.shares)))

    def contributions(self, matrix: Matrix, threads: int | None = None) -> Matrix:
        """Log-odds that each feature adds to `base`, shape (rows, features), float64.

        A row's values do not depend on the rows beside it nor on the threads, of which there
        are by default as many as cores, at most `MOST_THREADS`. Beside the result, each needs
        8 bytes for each of `CHUNK_ROWS` rows and feature: 9 MB for 72 features.
        """
        result = np.zeros((matrix.shape[1], len(matrix)))
        chunks = [slice(at, at + CHUNK_ROWS) for at in range(0, len(matrix), CHUNK_ROWS)]

        def explain(chunk: slice) -> None:
            bins = {f: np.searchsorted(e, matrix[chunk, f]) for f, e in self.edges.items()}
            for part in self.parts:
                part.add(bins, result[:, chunk])

        workers = min(threads or os.cpu_count() or 1, len(chunks), MOST_THREADS)
        if workers < 2:
            for chunk in chunks:
                explain(chunk)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(explain, chunks))
        return result.T


def assert_adds_up(base: float, values: Matrix, raw: Vector, tolerance: float = 1e-9) -> None:
    """Raises ModelIntegrityError where base + Σ contributions is not the trees' raw score."""
    worst = float(np.max(np.abs(base + values.sum(axis=1) - raw), initial=0.0))
    if not worst <= tolerance:
        raise ModelIntegrityError(
            f"the trees' contributions miss their score by {worst:.2g}\n  → report this as a defect"
        )


def shapley(shares: Vector, passed: Flags) -> Matrix:
    """Shapley values of the game of a leaf of value 1, shape (features, cases).

    `shares` has shape (features,), each in (0, 1]; `passed` shape (features, cases).
    """
    points, weights = _quadrature(-(-len(shares) // 2))
    ones, share = passed.astype(np.float64), shares[:, None]
    slopes = np.zeros(passed.shape)
    for t, weight in zip(points, weights, strict=True):
        factors = t * ones + (1 - t) * share
        slopes += weight * factors.prod(axis=0) / factors
    return (ones - share) * slopes


@lru_cache
def _quadrature(count: int) -> tuple[list[float], list[float]]:
    """Gauss-Legendre on [0, 1], exact for polynomials of degree below 2 · count."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return ((points + 1) / 2).tolist(), (weights / 2).tolist()


def _nodes(root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    ahead = [root]
    while ahead:
        node = ahead.pop()
        yield node
        if "split_feature" in node:
            ahead += [node["right_child"], node["left_child"]]


def _known(node: Mapping[str, Any]) -> bool:
    if "leaf_const" in node:
        return False
    return "split_feature" not in node or min(map(_reached, _children(node))) > 0


def _children(node: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return node["left_child"], node["right_child"]


def _reached(node: Mapping[str, Any]) -> int:
    """Training rows in the node."""
    return int(node.get("internal_count", node.get("leaf_count", 0)))


def _edges(nodes: Iterable[Mapping[str, Any]]) -> dict[int, Vector]:
    found: dict[int, set[float]] = {}
    for node in nodes:
        if "split_feature" in node:
            around_zero = {float(np.nextafter(-NEARLY_ZERO, -np.inf)), NEARLY_ZERO, np.inf}
            found.setdefault(node["split_feature"], around_zero).update(_ends(node))
    return {feature: np.array(sorted(ends)) for feature, ends in sorted(found.items())}


def _ends(node: Mapping[str, Any]) -> Iterator[float]:
    """The numbers up to which, inclusive, a split decides in one way."""
    if node["decision_type"] == "<=":
        yield _threshold(node)
        return
    for code in _codes(node):
        # A number is cut to its whole part: −0.5 is category 0.
        yield float(np.nextafter(code, -1)) if code else -1.0
        yield float(np.nextafter(code + 1, -1))


def _codes(node: Mapping[str, Any]) -> set[int]:
    return {int(code) for code in node["threshold"].split("||")}


def _goes_left(node: Mapping[str, Any], edges: Vector) -> Flags:
    """By bin, as LightGBM decides (`Tree::NumericalDecision`, `Tree::CategoricalDecision`)."""
    numbers = np.append(edges, np.nan)
    numbers[np.abs(numbers) <= NEARLY_ZERO] = 0.0
    if node["decision_type"] == "==":
        codes = _codes(node)
        return np.array([-1 < x < np.inf and int(x) in codes for x in numbers])
    if node["missing_type"] != "NaN":
        numbers[np.isnan(numbers)] = 0.0
    absent = numbers == 0 if node["missing_type"] == "Zero" else np.isnan(numbers)
    left: Flags = np.where(absent, node["default_left"], numbers <= _threshold(node))
    return left


def _threshold(node: Mapping[str, Any]) -> float:
    """It is infinite where numbers are told from gaps alone, for which a dump has 1e300."""
    threshold = float(node["threshold"])
    return np.inf if threshold >= WRITTEN_FOR_INFINITE else threshold


def _leaves(root: Mapping[str, Any], edges: Mapping[int, Vector]) -> Iterator[Leaf]:
    """From left to right."""
    ahead = [(root, Leaf(0.0, {}, {}))]
    while ahead:
        node, path = ahead.pop()
        if "split_feature" not in node:
            yield Leaf(node["leaf_value"], path.shares, path.passes)
            continue
        feature = node["split_feature"]
        left = _goes_left(node, edges[feature])
        for child, goes in zip(_children(node)[::-1], (~left, left), strict=True):
            share = path.shares.get(feature, 1.0) * _reached(child) / _reached(node)
            goes = goes & path.passes.get(feature, np.True_)
            further = Leaf(0.0, path.shares | {feature: share}, path.passes | {feature: goes})
            ahead.append((child, further))


def _parts(leaves: Iterable[Leaf]) -> Iterator[Part]:
    """Leaves in their order, as many to a group as `MOST_STATES` allows."""
    group: list[Leaf] = []
    cells: dict[int, Places] = {}
    for leaf in leaves:
        if len(leaf.shares) > MOST_FEATURES:
            yield WideLeaf(leaf)
            continue
        finer = cells | {f: _finer(cells.get(f), flags) for f, flags in leaf.passes.items()}
        if group and _states(finer) > MOST_STATES:
            yield _group(group, cells)
            group, finer = [], {f: _finer(None, flags) for f, flags in leaf.passes.items()}
        group.append(leaf)
        cells = finer
    if group:
        yield _group(group, cells)


def _finer(cells: Places | None, flags: Flags) -> Places:
    """The cell of each bin, when bins of one cell are also to pass alike."""
    both = flags.astype(np.intp) if cells is None else 2 * cells + flags
    return (np.cumsum(np.bincount(both) > 0) - 1)[both]


def _states(cells: Mapping[int, Places]) -> int:
    return prod(int(of_bin.max()) + 1 for of_bin in cells.values())


def _group(leaves: Iterable[Leaf], cells: Mapping[int, Places]) -> Group:
    features = tuple(cells)
    shape = tuple(int(of_bin.max()) + 1 for of_bin in cells.values())
    tables = {feature: np.zeros(shape) for feature in features}
    for leaf in leaves:
        count = len(leaf.shares)
        # Bit i of a case is whether the leaf's feature i is passed.
        case = np.zeros((1,) * len(shape), dtype=np.intp)
        for bit, (feature, flags) in enumerate(leaf.passes.items()):
            axis = features.index(feature)
            passed = np.zeros(shape[axis], dtype=np.intp)
            passed[cells[feature]] = flags
            case = case + (passed << bit).reshape(-1, *(1,) * (len(shape) - axis - 1))
        passed_in = (np.arange(1 << count) >> np.arange(count)[:, None]) & 1 == 1
        added = leaf.value * shapley(np.array([*leaf.shares.values()]), passed_in)
        for feature, values in zip(leaf.shares, added, strict=True):
            tables[feature] += values[case]
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return Group(
        features,
        tuple(cells[f] * stride for f, stride in zip(features, strides, strict=True)),
        tuple(tables[f].ravel() for f in features),
    )
