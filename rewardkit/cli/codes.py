"""Exit codes of every verb."""

OK = 0
WRONG_SPEC = 1  # the spec or a claim is wrong
FAILED = 2  # a test or a threshold failed
USAGE = 3  # usage, files, rows, faults
UNDECIDED = 4  # not decided, under --strict
INTERRUPTED = 130  # Ctrl-C
BUG = 70  # a failure of rewardkit itself
