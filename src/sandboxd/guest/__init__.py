"""What runs inside a room: the agent (process 1), the kernels, and what they show."""
