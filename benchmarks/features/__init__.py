"""Feature building measured against hand-written alternatives; see `docs/benchmarks.md`."""
