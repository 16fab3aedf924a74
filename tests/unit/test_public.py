"""The public surface, and what is declared against what is bound."""

from __future__ import annotations

import inspect

import npsight
from npsight import errors
from npsight.config.aggregations import AGGREGATIONS
from npsight.features.aggregations import FORMULAS
from npsight.features.compile import BY_ROWS_ONLY


def test_the_public_names_are_pinned():
    assert npsight.__all__ == ["NpsightError", "__version__"]
    assert npsight.NpsightError is errors.NpsightError
    assert npsight.__version__.count(".") == 2


def test_every_declared_aggregation_of_facts_is_bound():
    declared = {name for name, a in AGGREGATIONS.items() if a.on == "facts"}
    assert FORMULAS.keys() | BY_ROWS_ONLY == declared
    assert not FORMULAS.keys() & BY_ROWS_ONLY
    assert all(name == a.name and a.meaning for name, a in AGGREGATIONS.items())


def test_every_error_has_an_exit_code_of_its_own():
    found = [
        error
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.NpsightError)
        and error not in (errors.NpsightError, errors.ProblemsError)
    ]
    codes = [error.exit_code for error in found if "exit_code" in vars(error)]
    assert sorted(codes) == list(range(2, 13))
    assert all(error.exit_code in codes for error in found), "a kind of its kind has its code"
