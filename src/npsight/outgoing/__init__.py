"""All that npsight sends to others: the only package that opens connections of its own."""
