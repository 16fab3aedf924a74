"""The leakage audit: an independent oracle, a physical cut of the facts, and tests of suspicion.

Nothing here imports `features`, `temporal` or `targets`: what judges them shares no code with them.
No I/O; `npsight.jobs.audit` fetches and runs.
"""
