"""Notebooks whose SQL runs: their cells, their widgets, and the few Python calls that are only bookkeeping."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# What marks the lines of a notebook's source, by its language.
_MARKS = {"SQL": "--", "PYTHON": "#"}
_WIDGET = re.compile(
    r"CREATE\s+WIDGET\s+(?:TEXT|DROPDOWN|COMBOBOX|MULTISELECT)\s+`?(\w+)`?\s+DEFAULT\s+(?:'([^']*)'|\"([^\"]*)\")",
    re.IGNORECASE,
)
_WIDGET_END = re.compile(r"REMOVE\s+WIDGET\s+`?(\w+)`?\s*;?\s*", re.IGNORECASE)


class UnsupportedCellError(Exception):
    """A cell that the local workspace cannot run."""


@dataclass(frozen=True)
class Cell:
    """One cell: ``language`` is ``sql``, ``python``, ``md`` or another magic."""

    language: str
    text: str


@dataclass
class Bookkeeping:
    """What the Python calls of a notebook amount to.

    Attributes:
        defaults: Defaults of widgets, by name.
        values: Task values that were set, by key.
        exit: The text given to ``dbutils.notebook.exit``; ``None`` where it was not called.
    """

    defaults: dict[str, str] = field(default_factory=dict[str, str])
    values: dict[str, Any] = field(default_factory=dict[str, "Any"])
    exit: str | None = None


def cells_of(source: str, language: str) -> list[Cell]:
    r"""The cells of a notebook in source format, without the empty ones.

    >>> source = "# Databricks notebook source\nx = 1\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC SELECT 1"
    >>> cells_of(source, "PYTHON")
    [Cell(language='python', text='x = 1'), Cell(language='sql', text='SELECT 1')]
    """
    mark = re.escape(_MARKS[language])
    body = re.sub(rf"\A{mark} Databricks notebook source\s*\n?", "", source.replace("\r\n", "\n"))
    cells = [_cell(text, mark, language.lower()) for text in re.split(rf"(?m)^{mark} COMMAND -+[ \t]*$", body)]
    return [cell for cell in cells if cell.text]


def _cell(text: str, mark: str, language: str) -> Cell:
    lines = [line for line in text.strip().split("\n") if not re.match(rf"{mark} DBTITLE ", line)]
    magic = [re.sub(rf"^{mark} MAGIC ?", "", line) for line in lines if re.match(rf"{mark} MAGIC\b", line)]
    if not magic:
        return Cell(language, "\n".join(lines).strip())
    name, _, rest = "\n".join(magic).lstrip().partition("%")[2].partition("\n")
    word, _, same_line = name.partition(" ")
    return Cell(word.strip() or language, f"{same_line}\n{rest}".strip())


def check_cells(cells: Iterable[Cell]) -> None:
    """Refuse a notebook before anything of it runs.

    Raises:
        UnsupportedCellError: A cell is neither SQL nor text nor bookkeeping in Python.
    """
    for number, cell in enumerate(cells, 1):
        if cell.language == "python":
            _calls(cell.text, number)
        elif cell.language not in ("sql", "md", "md-sandbox"):
            raise UnsupportedCellError(f"{_place(number)} begins with %{cell.language}")


def _place(number: int) -> str:
    return f"[UNSUPPORTED_BY_LOCAL_WORKSPACE] The local workspace runs the SQL cells of a notebook only; cell {number}"


def _calls(text: str, number: int) -> list[tuple[str, list[Any], dict[str, Any]]]:
    """The calls of a Python cell that consists of calls of ``dbutils`` with literals."""
    try:
        tree = ast.parse(text)
        found = [_call(node) for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    except (SyntaxError, ValueError) as error:
        raise UnsupportedCellError(f"{_place(number)} is Python: {text.splitlines()[0]}") from error
    if len(found) != len(tree.body):
        raise UnsupportedCellError(f"{_place(number)} imports Python modules")
    return found


def _call(node: ast.stmt) -> tuple[str, list[Any], dict[str, Any]]:
    call = node.value if isinstance(node, ast.Expr) else None
    name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
    if not isinstance(call, ast.Call) or name not in _SERVED:
        raise ValueError(name)
    return (
        name,
        [ast.literal_eval(item) for item in call.args],
        {str(item.arg): ast.literal_eval(item.value) for item in call.keywords},
    )


def keep_books(cell: Cell, books: Bookkeeping) -> bool:
    """Take what a cell says about widgets, task values and the exit.

    Returns:
        Whether that was all that the cell does; otherwise its SQL is to run.
    """
    if cell.language == "sql":
        widget, end = _WIDGET.match(cell.text), _WIDGET_END.fullmatch(cell.text)
        if widget:
            books.defaults[widget[1]] = widget[2] if widget[2] is not None else widget[3]
        if end:
            books.defaults.pop(end[1], None)
        return bool(widget or end)
    if cell.language == "python":
        for name, given, named in _calls(cell.text, 0):
            _SERVED[name](books, *given, **named)
            if books.exit is not None:
                break
    return True


def _widget(books: Bookkeeping, name: str = "", defaultValue: str = "", *_: Any, **__: Any) -> None:  # noqa: N803 - the name is dbutils'
    books.defaults[name] = str(defaultValue)


def _task_value(books: Bookkeeping, key: str = "", value: Any = None) -> None:
    books.values[key] = value


def _exit(books: Bookkeeping, value: Any = "") -> None:
    books.exit = str(value)


_SERVED: dict[str, Any] = {
    "dbutils.widgets.text": _widget,
    "dbutils.widgets.dropdown": _widget,
    "dbutils.widgets.combobox": _widget,
    "dbutils.jobs.taskValues.set": _task_value,
    "dbutils.notebook.exit": _exit,
}


def with_widgets(text: str, values: dict[str, str]) -> str:
    """A cell's SQL with the widgets that are written into its text: ``${name}`` and ``getArgument("name")``.

    >>> with_widgets("SELECT * FROM ${schema}.t WHERE d = getArgument('d')", {"schema": "s", "d": "o'k"})
    "SELECT * FROM s.t WHERE d = 'o''k'"
    """
    text = re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)
    quoted = {name: "'" + value.replace("'", "''") + "'" for name, value in values.items()}
    return re.sub(
        r"getArgument\(\s*['\"](\w+)['\"]\s*\)", lambda match: quoted.get(match[1], match[0]), text, flags=re.IGNORECASE
    )
