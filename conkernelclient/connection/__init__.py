"""How do decisions and frames meet in an event loop? Knows no client."""
