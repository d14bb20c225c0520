"""`parlance bench train`: our trainer beside the plain one."""
