"""What decides, in tables: pure modules without a loop, a socket or a clock."""
