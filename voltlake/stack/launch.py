"""Become another program that dies with its parent: `python -I -S launch.py PARENT_PID PROGRAM ARGUMENT…`.

The kernel kills the child when the parent dies, in whatever way, so not even `kill -9` of a supervisor leaves an orphan.
A file of its own, without imports of ours, because it runs before each child and must cost milliseconds.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the death signal, make sure that the parent has not died before that, and go."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"{program[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
