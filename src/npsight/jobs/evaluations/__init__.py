"""What a backtest found, as frozen objects of plain values."""
