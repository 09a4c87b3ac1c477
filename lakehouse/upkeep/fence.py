"""Who rewrites a table takes the fence: of two that rewrite at once, the log refuses the second.

Appends need no fence. The Delta log does not check whether a file that a commit removes is still there, so two rewrites of the
same rows would double them; with the fence, a number that both must raise, they conflict.
"""

from collections.abc import Mapping

from deltalake import CommitProperties, DeltaTable, Transaction

from lakehouse.positions import Position, Source, commit_properties

_FENCE = "upkeep"


def fence(table: DeltaTable) -> int | None:
    """The number as it stands; None where nobody has taken it yet."""
    return table.transaction_version(_FENCE)


def raised(stood: int | None) -> int:
    """The number of who takes the fence next."""
    return 0 if stood is None else stood + 1


def fenced(table: DeltaTable, reached: Mapping[Source, Position] | None = None, marks: Mapping[str, int] | None = None) -> CommitProperties:
    """The properties of a commit that rewrites files, optionally with positions and other numbers of the log.

    It fails where another took the fence since `table` was read.
    """
    return taking(fence(table), reached or {}, marks or {})


def taking(stood: int | None, reached: Mapping[Source, Position], marks: Mapping[str, int]) -> CommitProperties:
    """The same, for who has looked at the fence already."""
    how = commit_properties(reached)
    taken = Transaction(_FENCE, raised(stood))
    others = [Transaction(name, number) for name, number in marks.items()]
    return CommitProperties(app_transactions=[*(how.app_transactions or []), *others, taken], max_commit_retries=100)
