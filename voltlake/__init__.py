"""The front door: the `voltlake` command, the stack on one machine, the demo and the audit."""
