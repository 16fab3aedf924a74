"""The rules of time, as small functions over Ibis tables; features and targets both stand on it."""
