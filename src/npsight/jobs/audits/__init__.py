"""The checks of the leakage audit, on the rows that training uses."""
