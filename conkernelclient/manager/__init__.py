"""How do kernel processes begin, live and end?"""
