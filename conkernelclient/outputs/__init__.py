"""What did a run show? Pure: messages in, notebook outputs and text out."""
