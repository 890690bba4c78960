"""What does a request cost the client, and what does it cost the others? `make bench` tells."""
