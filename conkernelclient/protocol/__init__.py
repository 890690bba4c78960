"""What is a message? Pure: no event loop, no sockets, no clock."""
