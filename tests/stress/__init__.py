"""What the client stands: run by `make stress`, with the figures at the end of the run."""
