"""How do front ends reach a notebook session over WebSockets?"""
