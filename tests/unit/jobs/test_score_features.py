"""A champion is only fed with the features it was trained with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from npsight.config.specs import FeatureSpec
from npsight.errors import ModelIntegrityError
from npsight.jobs.score import _check_features

COUNT = FeatureSpec(source="usage", aggregation="count")
OWN = FeatureSpec(
    source="usage", aggregation="own", expression="own.py:f", expression_digest="a" * 64
)


def checked(trained, declared):
    project = SimpleNamespace(features=tuple(declared), file=Path("p.yaml"))
    _check_features(SimpleNamespace(specs=tuple(trained)), project)


def test_the_same_features_and_more_of_them_are_fine():
    other = replace(OWN, expression="own.py:g")
    checked([COUNT, OWN], [OWN, COUNT])
    checked([COUNT], [COUNT, OWN, other])


def test_a_feature_that_is_gone_is_named():
    with pytest.raises(ModelIntegrityError, match=r"p\.yaml no longer declares 1 .* usage__count"):
        checked([COUNT, OWN], [OWN])


def test_an_own_expression_whose_file_has_changed_is_named():
    with pytest.raises(ModelIntegrityError, match=r"trained with: the file of own\.py:f\n"):
        checked([COUNT, OWN], [COUNT, replace(OWN, expression_digest="b" * 64)])
