"""What is expected of drivers that are left out, against draws and against exact Shapley values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from npsight.drivers.absent import absent, fitted_shift, nothing_expected
from npsight.drivers.explain import explain, groups_of, outcome_of
from npsight.drivers.points import _membership, _shapley, grouped
from npsight.drivers.typical import with_typical
from npsight.models.typical import Typical

GROUPS = ("a", "b", "c")
EVERY = _membership(3)
COVARIANCE = np.array([[1.0, 0.6, -0.2], [0.6, 2.0, 0.1], [-0.2, 0.1, 0.5]])
ONE = Typical(GROUPS, ((0.2, -0.1, 0.0),), tuple(map(tuple, COVARIANCE)), (0.0,))


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def risk(raws):
    return sigmoid(raws[0])


def nps(raws):
    return 100 * ((1 - sigmoid(raws[0])) * sigmoid(raws[1]) - sigmoid(raws[0]))


def two_parts() -> Typical:
    rng = np.random.default_rng(3)
    root = rng.normal(0, 0.3, (6, 6))
    means = tuple(map(tuple, rng.normal(0, 0.3, (2, 3))))
    return Typical(GROUPS, means, tuple(map(tuple, root @ root.T)), (0.0, 0.0))


@pytest.mark.parametrize(
    ("typical", "outcome", "within"), [(ONE, risk, 2e-3), (two_parts(), nps, 0.3)]
)
def test_the_expected_number_is_the_mean_over_draws_of_what_is_left_out(typical, outcome, within):
    parts = len(typical.means)
    draws = np.random.default_rng(0).multivariate_normal(
        np.ravel(typical.means), typical.covariance, 200_000
    )
    draws = draws.reshape(-1, parts, 3)
    bases = (-1.0, 0.5)[:parts]
    raws = [np.full((1, 8), base) for base in bases]
    found = absent(typical, GROUPS, EVERY).expected(raws, outcome)[0]
    for subset in range(8):
        out = 1 - EVERY[:, subset]
        drawn = outcome([base + draws[:, p] @ out for p, base in enumerate(bases)])
        assert found[subset] == pytest.approx(drawn.mean(), abs=within), subset


def test_the_nodes_have_the_covariance_of_what_is_left_out():
    typical = two_parts()
    whole = np.asarray(typical.covariance).reshape(2, 3, 2, 3)
    nodes = absent(typical, GROUPS, EVERY).nodes
    added = np.array([parts for _, parts in nodes])
    weights = np.array([weight for weight, _ in nodes])
    away = added - np.tensordot(weights, added, 1)
    for subset in range(8):
        out = 1 - EVERY[:, subset]
        expected = np.einsum("i,piqj,j->pq", out, whole, out)
        found = np.einsum("n,np,nq->pq", weights, away[..., subset], away[..., subset])
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_where_nothing_is_left_out_nothing_is_expected():
    shifted = replace(ONE, shifts=(0.7,))
    for _, (added,) in absent(shifted, GROUPS, EVERY).nodes:
        assert added[-1] == 0.0
    assert absent(shifted, GROUPS, EVERY).expected([np.full((1, 8), 0.3)], risk)[0, -1] == (
        pytest.approx(sigmoid(0.3), abs=1e-15)
    )


def test_the_shift_goes_with_the_variance_left_out():
    plain, shifted = (
        absent(typical, GROUPS, EVERY) for typical in (ONE, replace(ONE, shifts=(0.7,)))
    )
    moved = [s[0] - p[0] for (_, p), (_, s) in zip(plain.nodes, shifted.nodes, strict=True)]
    whole = COVARIANCE.sum()
    without_a = COVARIANCE[1:, 1:].sum()
    for one in moved:
        assert one[0] == pytest.approx(0.7)
        assert one[1] == pytest.approx(0.7 * without_a / whole)


def test_only_the_named_groups_are_expected():
    some = absent(ONE, ("c", "a"), _membership(2))
    added = dict(some.nodes[3:4])  # the middle node: the mean
    ((mean,),) = added.values()
    assert mean == pytest.approx([0.2, 0.2, 0.0, 0.0])


def test_with_many_drivers_there_are_fewer_nodes():
    for count, nodes in ((10, 7), (11, 3)):
        names = tuple(f"g{i}" for i in range(count))
        many = Typical(names, ((0.0,) * count,), tuple(map(tuple, np.eye(count))), (0.0,))
        assert len(absent(many, names[:2], _membership(2)).nodes) == nodes


def test_what_never_varies_is_expected_as_it_is():
    still = Typical(("a",), ((0.4,),), ((0.0,),), (0.3,))
    found = absent(still, ("a",), _membership(1)).expected([np.zeros((1, 2))], risk)
    assert found[0] == pytest.approx([sigmoid(0.4), 0.5])
    nothing = nothing_expected(1, 2).expected([np.zeros((1, 2))], risk)
    assert nothing[0] == pytest.approx([0.5, 0.5])


def test_a_shift_is_found_and_none_beyond_reach():
    assert fitted_shift(lambda s: float(sigmoid(s)), 0.2) == pytest.approx(np.log(0.25))
    assert fitted_shift(lambda s: 0.001, 0.001) == 0.0


# --- On models ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned(model, train):
    weight = np.ones(len(train))
    return with_typical(model, dict.fromkeys(("detractor", "churn"), (train, weight)))


def test_points_start_from_the_mean_prediction_over_the_training_rows(learned, train, now):
    found, shown = explain(learned, now), learned.predict(train)
    assert found.risk.base == pytest.approx(shown.detractor.mean(), abs=1e-9)
    assert found.nps.base == pytest.approx(shown.nps.mean(), abs=1e-9)
    assert found.churn.base == pytest.approx(shown.churn.mean(), abs=1e-9)


def test_they_add_up_to_what_is_shown(learned, now):
    found, shown = explain(learned, now), learned.predict(now)
    for points, displayed in (
        (found.risk, shown.detractor),
        (found.nps, shown.nps),
        (found.churn, shown.churn),
    ):
        total = points.base + points.values.sum(axis=1)
        np.testing.assert_allclose(total, displayed, rtol=0, atol=1e-9)


def test_each_driver_is_about_nothing_on_average(learned, model, train):
    found = explain(learned, train)
    for points in (found.risk, found.churn):
        assert np.abs(points.values.mean(axis=0)).max() < 0.005
    assert np.abs(found.nps.values.mean(axis=0)).max() < 0.8
    assert np.abs(explain(model, train).nps.values.mean(axis=0)).max() > 0.8


def test_points_are_near_the_exact_values_with_drivers_drawn_from_training_rows(
    learned, model, train, now
):
    """The game without any normal in it: absent drivers are those of training rows, one by one."""
    group_of = groups_of(learned)
    for name, part in (("risk", learned.detractor), ("churn", learned.churn)):
        points = getattr(explain(learned, now), name)
        others = part.contributions(train.iloc[::5])
        rows = part.contributions(now)
        member = _membership(len(points.groups))
        kept = {term: g for term, g in group_of.items() if g in points.groups}
        assert set(kept) >= set(rows.terms)
        background, own = (grouped(split, kept, points.groups) for split in (others, rows))
        game = np.zeros((len(now), member.shape[1]))
        for drawn in background:
            raws = rows.base + own @ member + drawn @ (1 - member)
            game += outcome_of([part])([raws]) / len(background)
        exact = _shapley(game, member)
        rough = getattr(explain(model, now), name).values
        error, without = (np.sqrt(np.mean((v - exact) ** 2)) for v in (points.values, rough))
        assert error < 0.012
        assert error < without


def test_weights_count(model, train):
    weight = np.where(train["segment_"] == "pro", 1.0, 0.0)
    learned = with_typical(model, dict.fromkeys(("detractor", "churn"), (train, weight)))
    shown = learned.predict(train).detractor
    found = explain(learned, train.iloc[:3]).risk.base
    assert found == pytest.approx(np.average(shown, weights=weight), abs=1e-9)
    assert abs(found - shown.mean()) > 1e-4


def test_many_rows_are_thinned_and_the_mean_is_that_of_all(model, train, monkeypatch):
    monkeypatch.setattr("npsight.drivers.typical.MOST_ROWS", 200)
    learned = with_typical(model, {n: (train, np.ones(len(train))) for n in ("detractor", "churn")})
    base = explain(learned, train.iloc[:3]).risk.base
    assert base == pytest.approx(learned.predict(train).detractor.mean(), abs=1e-9)


def test_a_prior_alone_and_a_base_rate_alone(make_model, train, now):
    model = make_model(detractor=0, promoter=0, churn=0)
    rows = {name: (train, np.ones(len(train))) for name in ("detractor", "churn")}
    learned = with_typical(model, rows)
    found = explain(learned, now)
    assert found.risk.base == pytest.approx(learned.predict(train).detractor.mean(), abs=1e-9)
    assert found.nps.base == pytest.approx(learned.predict(train).nps.mean(), abs=1e-9)
    assert found.churn.base == pytest.approx(learned.predict(train).churn.mean(), abs=1e-9)
    np.testing.assert_allclose(found.churn.values, 0.0, atol=1e-12)


def test_a_part_that_is_missing_has_nothing_typical(make_model, train):
    model = make_model(detractor=-1, promoter=-1)
    learned = with_typical(model, {"churn": (train, np.ones(len(train)))})
    assert set(learned.typical) == {"churn"}
