"""Prior, learner, calibration, intervals and backtest over frames in memory. No I/O."""
