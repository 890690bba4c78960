"""What does a program hold? Futures, queues, timeouts and cancellation; no frames."""
