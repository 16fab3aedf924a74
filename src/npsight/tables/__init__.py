"""User tables -> canonical facts: reading, contracts, quarantine. The only reader of user data."""
