"""From tables to features: expressions run here, once, and are kept."""
