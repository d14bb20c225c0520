"""What the conversations and the owner teach: example replies now, topics and gaps later."""
