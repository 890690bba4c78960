"""What is a message, and whose is it? Pure: no event loop, no sockets, no clock."""
