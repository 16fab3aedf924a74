"""A champion is only fed with the features it was trained with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from npsight.config.specs import FeatureSpec
from npsight.errors import ModelIntegrityError
from npsight.jobs.scoring.champion import _check_features

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
    with pytest.raises(
        ModelIntegrityError, match=r"usage__own_f: the file of own\.py:f has changed\n"
    ):
        checked([COUNT, OWN], [COUNT, replace(OWN, expression_digest="b" * 64)])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"where": (("kind", "WEB"),)}, "`where` was {kind: web}, now it is {kind: WEB}"),
        ({"missing": "zero"}, "`missing` was unknown, now it is zero"),
        ({"dtype": "category"}, "`dtype` was number, now it is category"),
    ],
)
def test_a_feature_of_the_same_name_that_means_something_else_is_refused(changes, told):
    trained = replace(COUNT, where=(("kind", "web"),))
    now = replace(trained, **changes)
    assert now.name == trained.name
    with pytest.raises(ModelIntegrityError) as refused:
        checked([trained, OWN], [now, OWN])
    assert "declares 1 of the champion's features otherwise" in str(refused.value)
    assert f"{trained.name}: {told}\n" in str(refused.value)


def test_words_and_drivers_of_a_feature_may_change():
    checked([COUNT], [replace(COUNT, label="visits", driver="use", unit="days", monotone=1)])
