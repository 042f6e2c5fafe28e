"""What runs inside the sandbox beside a program: standard library only, Python 3.9 and later.

The files are handed to jobs as text. `wire` is also imported by the parent: both sides of a channel must
write values alike.
"""
