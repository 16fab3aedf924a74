"""Accounts scored: all of them, or a few at once; and forecasts kept to be judged."""
