"""What is to be done with a message or a request? Pure: no event loop, no sockets, no clock."""
