"""How do Python values travel in and out of a kernel? As text, of which nobody runs a word."""
