"""How does a request get to the kernel, and its messages to the handlers that want them?"""
