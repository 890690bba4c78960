"""How do messages travel? Knows sockets and batches, and no requests."""
