"""
What does a tool loop get from each library that runs code for it?

The same tasks are given to each, in its own environment and in fresh kernels.
"""
