"""A demo company whose truth is known: a B2B SaaS firm, its customers and their answers."""

from npsight.simulate.errors import DirectoryRefusedError, SimulationSettingsError
from npsight.simulate.run import simulate
from npsight.simulate.settings import SimulationSettings, SimulationSummary, recent_start

__all__ = [
    "DirectoryRefusedError",
    "SimulationSettings",
    "SimulationSettingsError",
    "SimulationSummary",
    "recent_start",
    "simulate",
]
