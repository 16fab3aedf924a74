"""What npsight is measured against, each a module that a server process loads."""
