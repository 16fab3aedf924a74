"""What the reference page of the project file says beside its tables."""

from __future__ import annotations

from npsight.config.specs import NPS_HISTORY

MOST_DRIVERS = 16
"""As `npsight.drivers.points.MAX_GROUPS`; a test holds the two equal."""

FEATURE_NOTES = """
A feature for a day reads only rows that had happened *and* were known before that day. A window
of w days is `[as_of − w, as_of)`: the day itself is not in it. Without `windows`, all history
before the day counts.

The name of a feature is derived from its definition, so the two cannot part:
"""

DRIVER_NOTES = f"""
- A feature belongs to the driver it names; without one, to a driver called like its source.
- Everything read from an account's own answers, and the history prior, belongs to
  `{NPS_HISTORY}`.
- A driver that features name without declaring it here gets a label made from its name and no
  play. It is actionable, except `{NPS_HISTORY}` and `accounts`: customer success cannot change
  what was answered, nor the industry.
- A driver that no feature belongs to is refused.
- At most {MOST_DRIVERS} drivers can share the points of one number: the exact split is computed
  over all their subsets.
"""

TIME_NOTES = """
- `2025-03-01T09:30:00Z` and `2025-03-01 09:30:00+01:00` say where they are and become UTC.
- `2025-03-01 09:30:00` and `2025-03-01` do not. They are read in the table's `timezone`, else the
  project's; without either they are refused.
- `time_format: epoch_ms` reads milliseconds since 1970 in UTC, `epoch_s` seconds, `epoch_us`
  microseconds. A 0 there says that there is no time; `npsight check` counts them.
- `time_format: '%m/%Y'` reads a month as its first day. What is said of a month is known when it
  is over: say `delay_hours: 744` or more.
- When clocks jump forward, a time that no clock showed moves forward by the jump. When they are
  set back, a time that occurred twice is read as the second, in standard time.
- An *end* in the year 9000 or later means "never" and is read as blank.
- Where a table has no `known_at`, a row counts as known `delay_hours` after it happened.
- `{period}` in `path` or `table` stands for the period that only the name of a file or a sheet
  tells: a day (`2025-02-14`), an ISO week (`2025-W07`, `KW 7 2025`), a month (`2025-02`,
  `Feb 2025`, `Februar 2025`), a quarter (`Q1 2025`), half or year. Each row then has a column
  `period_over`, the midnight with which the next period begins, in the table's zone: what is said
  of a month is dated, and known, when the month is over (and `delay_hours` later, where given).
  Rows of a period that is still running are not read until it is over; `npsight check` counts
  them. A name that tells no period or several, and two names that tell the same days, are refused.
- A cell of a `wide` table is a row of the last day of its period, at midnight. It is complete when
  that day is over: say `delay_hours: 24` or more. Cells of a running period are not read until it
  is over, either.
"""

ROW_NOTES = """
One file may hold several kinds of rows, and rows that are none. `only` and `without` say which
are read; what they leave out is counted by `npsight check`, and is no bad row. The same file may
be read by several tables:

```yaml
tables:
  activity:
    songs: {path: events.csv, account: userId, time: at, without: {page: 'Cancel*'}}
  churn: {path: events.csv, account: userId, time: at, only: {page: 'Cancel*'}}
```

A file of JSON holds objects, one a line or each over several, or one list of them. A value within
another one (and a field of a record in Parquet) is a column named by the way to it, such as
`device.os`.
"""
