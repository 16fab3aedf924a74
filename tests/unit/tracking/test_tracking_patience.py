"""A registry is asked before long work, and waited for after it."""

from __future__ import annotations

import pytest

from npsight.errors import RegistryAwayError, RegistryRefusedError
from npsight.tracking import Tracking, await_registry


class Registry(Tracking):
    """Answers as told, one answer a question; the last one stays."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    def ensure_writable(self) -> None:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer


AWAY = RegistryAwayError("away")


def test_it_returns_once_the_registry_answers():
    registry, said = Registry(AWAY, AWAY, None), []
    await_registry(registry, said.append, seconds=599, pause=0.001)
    assert registry.asked == 3
    assert said == ["the model registry does not answer; trying for 10 minutes more"]


def test_it_gives_up_in_time_and_at_once_where_waiting_does_not_help():
    registry = Registry(AWAY)
    with pytest.raises(RegistryAwayError, match="away"):
        await_registry(registry, lambda _: None, seconds=0.05, pause=0.01)
    assert registry.asked > 2
    refused = Registry(RegistryRefusedError("no right"), None)
    with pytest.raises(RegistryRefusedError, match="no right"):
        await_registry(refused, lambda _: None)
    assert refused.asked == 1


def test_the_right_to_write_is_asked_of_a_registry_elsewhere(tmp_path, tracking: Tracking):
    elsewhere = Tracking("p", tmp_path, tracking.uri)
    elsewhere.ensure_writable()
    experiment = elsewhere._client.get_experiment_by_name("npsight-p")
    assert experiment.tags["npsight.project"] == "p"
    assert elsewhere.versions() == []
    Tracking("p", tmp_path / "own").ensure_writable()
    assert not (tmp_path / "own").exists()
