"""Shapley values of LightGBM's trees by enumeration: slow, plain, and sharing no code with us.

v(S) of a tree is Lundberg's EXPVALUE: follow the row at splits on features of S, else average
both children by the number of training rows that reached them. Nodes are those of
`Booster.dump_model()`.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial, isfinite, isnan

import numpy as np


def splits(node):
    if "split_feature" in node:
        yield node
        yield from splits(node["left_child"])
        yield from splits(node["right_child"])


def goes_left(node, value):
    if node["decision_type"] == "==":
        members = {int(code) for code in node["threshold"].split("||")}
        return isfinite(value) and value > -1 and int(value) in members
    assert node["decision_type"] == "<="
    if isnan(value):
        if node["missing_type"] == "NaN":
            return node["default_left"]
        # LightGBM reads a gap as 0 where training had none.
        value = 0.0
    if abs(value) <= np.float32(1e-35):
        if node["missing_type"] == "Zero":
            return node["default_left"]
        value = 0.0
    # An infinite threshold (numbers here, gaps there) is dumped as 1e300.
    return value <= node["threshold"] or node["threshold"] == 1e300


def reached(node):
    return node["internal_count"] if "split_feature" in node else node["leaf_count"]


def expected(node, row, known):
    """EXPVALUE of one tree for the set `known` of feature positions."""
    if "split_feature" not in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        return expected(left if goes_left(node, value) else right, row, known)
    a, b = reached(left), reached(right)
    return (a * expected(left, row, known) + b * expected(right, row, known)) / (a + b)


def shapley(structures, row):
    """Exact, by enumeration of all subsets; and the value of knowing nothing."""
    everything = range(len(row))
    game = {
        frozenset(known): sum(expected(tree, row, frozenset(known)) for tree in structures)
        for size in range(len(row) + 1)
        for known in combinations(everything, size)
    }
    values = np.zeros(len(row))
    for feature in everything:
        for known, worth in game.items():
            if feature not in known:
                size = len(known)
                chance = factorial(size) * factorial(len(row) - size - 1) / factorial(len(row))
                values[feature] += chance * (game[known | {feature}] - worth)
    return values, game[frozenset()]
