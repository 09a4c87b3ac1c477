"""Who rewrites a table takes the fence: of two that rewrite at once, the log refuses the second.

Appends need no fence. The Delta log does not check whether a file that a commit removes is still there, so two rewrites of the
same rows would double them; with the fence, a number that both must raise, they conflict.
"""

from collections.abc import Mapping

from deltalake import CommitProperties, DeltaTable, Transaction

from lakehouse.positions import Position, Source, commit_properties

_FENCE = "upkeep"


def fenced(table: DeltaTable, reached: Mapping[Source, Position] | None = None, marks: Mapping[str, int] | None = None) -> CommitProperties:
    """The properties of a commit that rewrites files, optionally with positions and other numbers of the log.

    It fails where another took the fence since `table` was read.
    """
    stood = table.transaction_version(_FENCE)
    how = commit_properties(reached or {})
    taken = Transaction(_FENCE, 0 if stood is None else stood + 1)
    others = [Transaction(name, number) for name, number in (marks or {}).items()]
    return CommitProperties(app_transactions=[*(how.app_transactions or []), *others, taken], max_commit_retries=100)
