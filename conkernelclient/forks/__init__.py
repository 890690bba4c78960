"""
How is a kernel ready in a third of the time?

It is forked off a process that has loaded what it needs.
"""
