"""From features and outcomes to a model: examples, backtest, fit."""
