"""How does one backend stand between many front ends and a kernel, and own the notebook?"""
