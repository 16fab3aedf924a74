"""The use cases: each job is what one command does, without its printing."""
