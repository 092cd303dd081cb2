"""What a pipeline makes: the datasets that its SQL declares, in the order in which they are made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.compute.runs import split_statements

if TYPE_CHECKING:
    from collections.abc import Iterable

_DATASET = re.compile(
    r"CREATE\s+OR\s+(?:REFRESH|REPLACE)\s+(?P<kind>MATERIALIZED\s+VIEW|STREAMING\s+(?:LIVE\s+)?TABLE|LIVE\s+TABLE)\s+"
    r"(?P<name>[\w.`]+)\s+"
    r"(?P<clauses>(?:COMMENT\s+'(?:[^'\\]|\\.|'')*'\s*|TBLPROPERTIES\s*\([^()]*\)\s*)*)"
    r"AS\s+(?P<query>(?:SELECT|WITH|FROM|\().*)",
    re.IGNORECASE | re.DOTALL,
)
_COMMENTS = re.compile(r"\A(?:\s|--[^\n]*\n|/\*.*?\*/)+", re.DOTALL)
_QUOTED = re.compile(r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|--[^\n]*|/\*.*?\*/)", re.DOTALL)
MATERIALIZED_VIEW, STREAMING_TABLE = "MATERIALIZED_VIEW", "STREAMING_TABLE"


class PipelineError(Exception):
    """A pipeline that cannot be run."""


@dataclass(frozen=True)
class Dataset:
    """One dataset of a pipeline.

    Attributes:
        name: As it was written, without back-ticks.
        kind: ``MATERIALIZED_VIEW`` or ``STREAMING_TABLE``.
        clauses: ``COMMENT`` and ``TBLPROPERTIES``, as they were written.
        query: What it holds, as a batch query.
    """

    name: str
    kind: str
    clauses: str
    query: str

    @property
    def statement(self) -> str:
        """The SQL that makes it."""
        return f"CREATE OR REPLACE TABLE {self.name} {self.clauses}AS {self.query}"


def datasets_of(texts: Iterable[str], configuration: dict[str, str]) -> list[Dataset]:
    """The datasets of a pipeline's sources, each after those that it reads.

    Args:
        texts: SQL of its notebooks and files.
        configuration: Values for ``${key}``.

    Raises:
        PipelineError: A statement is no dataset that can be made here, or datasets read each other in a circle.
    """
    found = [_dataset(piece, configuration) for text in texts for piece in split_statements(text) if piece.strip()]
    names = [_short(dataset.name) for dataset in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PipelineError(f"The pipeline declares {twice} more than once")
    ordered: list[Dataset] = []
    while len(ordered) < len(found):
        done = {_short(dataset.name) for dataset in ordered}
        ready = [
            dataset
            for dataset in found
            if dataset not in ordered and all(name in done or not _reads(dataset, name) for name in names)
        ]
        if not ready:
            raise PipelineError("The datasets of the pipeline read each other in a circle")
        ordered += ready
    return ordered


def _dataset(text: str, configuration: dict[str, str]) -> Dataset:
    text = re.sub(r"\$\{([\w.]+)\}", lambda match: configuration.get(match[1], match[0]), _COMMENTS.sub("", text))
    match = _DATASET.fullmatch(text)
    if match is None:
        first = text.strip().split("\n", 1)[0]
        raise PipelineError(
            "[UNSUPPORTED_BY_LOCAL_WORKSPACE] The local workspace runs CREATE OR REFRESH MATERIALIZED VIEW and CREATE "
            f"OR REFRESH STREAMING TABLE ... AS SELECT in pipelines, with COMMENT and TBLPROPERTIES; not: {first}"
        )
    kind = STREAMING_TABLE if match["kind"].upper().startswith("STREAMING") else MATERIALIZED_VIEW
    return Dataset(match["name"].replace("`", ""), kind, match["clauses"], batch_query(match["query"]))


def batch_query(text: str) -> str:
    """A query that reads its sources whole: without ``STREAM`` and ``LIVE``.

    >>> batch_query("SELECT 'LIVE.x' FROM STREAM(LIVE.raw) JOIN STREAM main.s.t USING (id)")
    "SELECT 'LIVE.x' FROM raw JOIN main.s.t USING (id)"
    """
    pieces = _QUOTED.split(text)
    for index in range(0, len(pieces), 2):
        plain = re.sub(r"\bSTREAM\s*\(\s*([\w.`]+)\s*\)", r"\1", pieces[index], flags=re.IGNORECASE)
        without = re.sub(r"\bSTREAM\s*(?=\()|\bSTREAM\s+(?=[\w`])", "", plain, flags=re.IGNORECASE)
        pieces[index] = re.sub(r"\bLIVE\s*\.\s*", "", without, flags=re.IGNORECASE)
    return "".join(pieces)


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1].lower()


def _reads(dataset: Dataset, name: str) -> bool:
    """Whether a dataset's query names another one; its own name does not count."""
    if _short(dataset.name) == name:
        return False
    plain = "".join(_QUOTED.split(dataset.query)[::2])
    return re.search(rf"(?<!\w)`?{re.escape(name)}`?(?![\w(])", plain, re.IGNORECASE) is not None
