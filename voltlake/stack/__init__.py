"""The whole road on one machine: real servers as supervised child processes, in one folder."""
