"""Become another program that dies with its parent: `python -I -S launch.py PARENT_PID NICE PROGRAM ARGUMENT…`.

The kernel kills the child when the parent dies, in whatever way, so not even `kill -9` of a supervisor leaves an orphan.
A file of its own, without imports of ours, because it runs before each child and must cost milliseconds.
"""

import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
AUTOGROUP = "/proc/self/autogroup"


def make_way(nice: int) -> None:
    """Take a lower priority. Each child is a session, and Linux schedules sessions as groups: between them only the group's value counts."""
    os.nice(nice)
    for _ in range(20):
        try:
            with open(AUTOGROUP, "w") as group:
                group.write(str(nice))
        except BlockingIOError:  # ten a second at most, on the whole machine
            time.sleep(0.1)
        except OSError:  # a kernel without groups
            return
        else:
            return


def main() -> None:
    """Set the death signal, make sure that the parent has not died before that, and go."""
    parent, nice, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    if nice:
        make_way(nice)
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"{program[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
