"""
Who owns the notebook while front ends come and go, and how are they told of it?

Who has the document: `session`. What is told: `session_events`, `watching`, and `board`, which
folds it. How cells run: `running`. How the file is kept: `autosaving`.
"""
