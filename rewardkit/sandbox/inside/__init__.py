"""What runs inside a wall: sent there as text, so it needs the standard library of Python 3.9 and nothing else."""
