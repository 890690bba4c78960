"""
How is a kernel ready in two fifths of the time?

It is forked off a process that has loaded what it needs.
"""
