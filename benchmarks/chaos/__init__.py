"""What happens to callers while things break: real processes, on loopback."""
