"""A progress bar on standard error, for a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: int, *, wanted: bool) -> Iterator[Callable[[], None]]:
    """Yield a function that counts one connection as done.

    Draws nothing unless it is wanted, there is more than one to wait for, and standard error is
    a terminal. What was drawn is wiped at the end.
    """
    if not (wanted and total > 1 and sys.stderr and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("probing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("probing", total=total)
        yield lambda: bar.advance(task)
