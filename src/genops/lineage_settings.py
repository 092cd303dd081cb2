"""The settings of statements and of lineage: how they are spoken of, and who else is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlSettings(_Section):
    """How statements are spoken of, and what is asked to understand them.

    Attributes:
        hash_key: Key of statement hashes; unset = random for each process.
        text: What spans say of a statement's text: `none`; `redacted`, without literals, comments and secrets, withheld
            where that is not certain; or `raw`.
        information_schema: The workspace is asked for the columns of tables that a statement would have needed, by a
            statement on the same warehouse, which it bills.
    """

    hash_key: SecretStr | None = None
    text: Literal["none", "redacted", "raw"] = "redacted"
    information_schema: bool = False


class OpenLineageSettings(_Section):
    """Who is sent run events by OpenLineage's specification.

    Attributes:
        url: URL of a receiver, path of a file, or `console`; unset = nobody.
        namespace: Namespace of jobs.
        key: Bearer token for the receiver.
        disabled: Nobody is sent anything, whatever else is said.
    """

    url: Annotated[str, Field(min_length=1)] | None = Field(default=None, repr=False)
    namespace: Annotated[str, Field(min_length=1, max_length=256)] = "default"
    key: SecretStr | None = None
    disabled: bool = False


class LineageSettings(_Section):
    """How data flows between datasets.

    Attributes:
        enabled: Whether edges are kept at all, said on spans and in metrics, and told to others.
        max_depth: How many edges away a dataset may be and still be named as upstream or downstream of an operation;
            1 = direct neighbours.
        push: Unity Catalog's external lineage is told of edges that it cannot see by itself.
        openlineage: Who is sent run events.
    """

    enabled: bool = True
    max_depth: Annotated[int, Field(ge=1, le=100)] = 1
    push: bool = False
    openlineage: OpenLineageSettings = OpenLineageSettings()
