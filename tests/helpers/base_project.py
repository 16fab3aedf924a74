"""A small project file that is good as it stands, and the one feature line in it."""

BASE = """\
project: demo
timezone: UTC
tables:
  accounts: {path: accounts.csv, key: id, attributes: {plan: category}, static: [plan]}
  responses: {path: answers.csv, account: id, time: at, score: score}
  activity:
    usage: {path: usage.csv, account: id, time: day, measures: [logins, errors], categories: [kind]}
targets:
  detractor: {}
features:
  - {source: usage, aggregate: count, windows: 30}
"""
FEATURE = "{source: usage, aggregate: count, windows: 30}"
