"""Does what passes with jupyter_client's own manager pass with ours? `run.py` finds out."""
