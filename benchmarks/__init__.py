"""Measurements that are run by hand: `make bench-features`. No part of the wheel."""
