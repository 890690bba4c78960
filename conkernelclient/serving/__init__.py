"""How does a server let in whom it may, on which address, until when?"""
