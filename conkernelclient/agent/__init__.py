"""
How does a tool loop run code, and what does its model read?

The room knows the package's public contract alone, as a user's program would.
"""
