"""
Does a kernel stay right when several cells run at once? One probe per behaviour, for each kernel.

`make probes` runs them, and writes the table that the chapter on the kernel shows.
"""
