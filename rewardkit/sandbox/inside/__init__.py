"""What runs inside a wall. Sent there as text: it needs the standard library of Python 3.9, nothing else."""
