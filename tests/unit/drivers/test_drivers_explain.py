"""Points against the numbers that a model displays."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.config.specs import NPS_HISTORY
from npsight.drivers.explain import explain, groups_of


def assert_shows(points, displayed):
    """Base plus points is the number that `Model.predict` gives, to 1e-9 of its unit."""
    np.testing.assert_allclose(
        points.base + points.values.sum(axis=1), displayed, rtol=0, atol=1e-9
    )


def test_points_add_up_to_every_displayed_number(model, now):
    found, shown = explain(model, now), model.predict(now)
    assert_shows(found.risk, shown.detractor)
    assert_shows(found.nps, shown.nps)
    assert_shows(found.churn, shown.churn)
    assert set(found.contributions) == {"detractor", "promoter", "churn"}
    assert np.ptp(shown.detractor) > 0.2


@pytest.mark.parametrize(("detractor", "promoter"), [(0, 25), (25, 0), (0, 0)])
def test_points_add_up_where_a_part_is_its_prior_alone(make_model, now, detractor, promoter):
    model = make_model(detractor=detractor, promoter=promoter, churn=-1)
    found, shown = explain(model, now), model.predict(now)
    assert_shows(found.risk, shown.detractor)
    assert_shows(found.nps, shown.nps)
    assert found.churn is None
    if detractor == 0:
        others = [i for i, group in enumerate(found.risk.groups) if group != NPS_HISTORY]
        assert not found.risk.values[:, others].any()


def test_a_model_of_churn_alone_has_points_of_churn_alone(make_model, now):
    model = make_model(detractor=-1, promoter=-1)
    found = explain(model, now)
    assert found.risk is None
    assert found.nps is None
    assert_shows(found.churn, model.predict(now).churn)


def test_a_base_rate_alone_explains_with_its_base(make_model, now):
    model = make_model(detractor=-1, promoter=-1, churn=0)
    found = explain(model, now)
    np.testing.assert_allclose(found.churn.values, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.churn.base, model.predict(now).churn, atol=1e-12)


def test_every_term_belongs_to_the_driver_that_its_feature_names(model):
    group_of = groups_of(model)
    assert group_of["prior"] == NPS_HISTORY
    assert {spec.name: spec.driver for spec in model.specs}.items() <= group_of.items()


def test_one_account_has_the_points_it_has_among_many(model, now):
    together = explain(model, now)
    for row in (0, 17, 79):
        alone = explain(model, now.iloc[[row]])
        np.testing.assert_allclose(alone.risk.values[0], together.risk.values[row], atol=1e-12)
        np.testing.assert_allclose(alone.nps.values[0], together.nps.values[row], atol=1e-12)
